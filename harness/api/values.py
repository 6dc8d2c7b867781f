"""Observed values as text: equal values have equal texts. Judges compare these texts, and findings show them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeGuard


def value_text(value: Any) -> str:
    """Return a value as text, so that two texts are equal exactly if the values are.

    A string stands for itself, unless it reads like another value (`"1"`, `"true"`, an empty one): then it is quoted.
    `1` and `1.0` are the same number.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if _reads_like_another_value(value) else value
    if type(value) is int:
        return str(value)  # as below; most values are such numbers, and there may be many
    return json.dumps(_without_type_of_number(value), sort_keys=True, ensure_ascii=False, default=str)


def outcome_text(value: Any) -> str:
    """Return a value as it is written as a key of a graded set."""
    return value if isinstance(value, str) else value_text(value)


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value can be measured against a bound; `nan` and infinities cannot."""
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def adds_up(total: float, parts: Iterable[float]) -> bool:
    """Return whether a total is the sum of its parts, so that nothing got lost and nothing came out of nowhere.

    Counts are compared exactly, and sums of floats to nine digits.
    """
    found = sum(parts)
    may_round = isinstance(total + found, float)
    return total == found or (may_round and math.isclose(total, found, rel_tol=1e-9, abs_tol=1e-9))


def number_text(value: float) -> str:
    """Return a number without a fraction that is zero, and with no more digits than it has."""
    return str(int(value)) if isinstance(value, int) or is_whole(value) else f"{value:.6g}"


def quoted(values: Iterable[str]) -> str:
    """Return texts in quotes, for use within a sentence."""
    return ", ".join(f"'{value}'" for value in values)


def is_whole(value: float) -> bool:
    """Return whether a number has no fraction; beyond 1e15 a float has none to lose, and its digits mean nothing."""
    return value.is_integer() and abs(value) < 1e15


@lru_cache(maxsize=4096)
def _reads_like_another_value(text: str) -> bool:
    if text != text.strip() or not text:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _without_type_of_number(value: Any) -> Any:
    if isinstance(value, float) and is_whole(value):
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_without_type_of_number(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _without_type_of_number(item) for key, item in value.items()}
    return value
