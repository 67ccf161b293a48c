"""Decisions as pure functions: no network, no clock, no chance. Time and draws are arguments."""
