"""Observed values as text and as numbers, as the judges read them."""

from harness.api.values import adds_up, is_number, number_text, outcome_text, quoted, value_text

__all__ = ["adds_up", "is_number", "number_text", "outcome_text", "quoted", "value_text"]
