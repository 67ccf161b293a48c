"""Judges rule files of anybody: what promtool accepts and should not, each finding with a stable id and a place."""
