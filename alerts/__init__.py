"""Alerts as code: rules, their tests and their explanations, all read from the spec."""
