"""Observed values as text that is the same for equal values: findings name values so."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


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


def is_whole(value: float) -> bool:
    """Return whether a number has no fraction; beyond 1e15 a float has none to lose, and its digits say nothing."""
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
