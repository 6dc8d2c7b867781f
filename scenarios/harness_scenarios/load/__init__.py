"""Load scenarios: one measured quantity each, with conservation checks."""
