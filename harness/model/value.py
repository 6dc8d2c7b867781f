"""Observed values as text, as the judges read them."""

from harness.api.values import is_whole, outcome_text, value_text

__all__ = ["is_whole", "outcome_text", "value_text"]
