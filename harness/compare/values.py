"""Observed values as numbers, and several of them in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from harness.model import is_whole, outcome_text, value_text

__all__ = ["is_number", "number_text", "outcome_text", "quoted", "value_text"]


def is_number(value: Any) -> bool:
    """Return whether a value can be measured against a bound."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number_text(value: float) -> str:
    """Return a number without a fraction that is zero, and with no more digits than it has."""
    return str(int(value)) if isinstance(value, int) or is_whole(value) else f"{value:.6g}"


def quoted(values: Iterable[str]) -> str:
    """Return texts in quotes, for use within a sentence."""
    return ", ".join(f"'{value}'" for value in values)
