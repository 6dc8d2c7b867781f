"""Whole numbers, and sizes such as `4k`, as values of perturbations."""

from __future__ import annotations

_UNITS = {"k": 1 << 10, "m": 1 << 20}


def parse_size(text: str | None) -> str:
    """Return a number above 0 in decimal digits; `k` and `m` stand for 1024 and 1024 squared.

    Raises:
        ValueError: it is no such number.
    """
    text = text or ""
    unit = text[-1:].lower()
    digits = text[:-1] if unit in _UNITS else text
    if not digits.isdecimal() or int(digits) < 1:
        raise ValueError("is a whole number above 0, or one with k or m")
    return str(int(digits) * _UNITS.get(unit, 1))
