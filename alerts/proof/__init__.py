"""Tests for promtool, generated with every rule: quiet, just below, just above, clears.

What they expect is computed here from the meaning of a promise, and written down for each alert; no module of this
package looks at a rule. So a wrong rule cannot make its own test agree with it.
"""
