"""Observed values as text that is the same for equal values, and as numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any


def value_text(value: Any) -> str:
    """Return a value as text, so that two texts are equal exactly if the values are.

    A string stands for itself, unless it reads like another value (`"1"`, `"true"`, an empty one): then it is quoted.
    `1` and `1.0` are the same number.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if _reads_like_another_value(value) else value
    return json.dumps(_without_type_of_number(value), sort_keys=True, ensure_ascii=False, default=str)


def outcome_text(value: Any) -> str:
    """Return a value as it is written as a key of a graded set."""
    return value if isinstance(value, str) else value_text(value)


def is_number(value: Any) -> bool:
    """Return whether a value can be measured against a bound."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number_text(value: float) -> str:
    """Return a number without a fraction that is zero, and with no more digits than it has."""
    return str(int(value)) if isinstance(value, int) or _is_whole(value) else f"{value:.6g}"


def quoted(values: Iterable[str]) -> str:
    """Return texts in quotes, for use within a sentence."""
    return ", ".join(f"'{value}'" for value in values)


def _is_whole(value: float) -> bool:
    # Beyond this a float has no fraction left to lose, and its digits say nothing.
    return value.is_integer() and abs(value) < 1e15


def _reads_like_another_value(text: str) -> bool:
    if text != text.strip() or not text:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _without_type_of_number(value: Any) -> Any:
    if isinstance(value, float) and _is_whole(value):
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_without_type_of_number(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _without_type_of_number(item) for key, item in value.items()}
    return value
