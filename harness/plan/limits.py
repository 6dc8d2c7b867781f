"""`--limit memory=512M,processes=64`: text → what every cell of a run may take."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.model import LIMITS, SIZES, UsageError

from .spec import parse_named

_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LARGEST = 1 << 50


def parse_limits(texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Return the limits, sizes in bytes, in order of their names; limits that were not set are left out.

    Raises:
        UsageError: an unknown name, a value that is none, or a name that is given twice.
    """
    return tuple((name, _value(name, text or "")) for name, text in parse_named(texts, LIMITS, "limit").items())


def _value(name: str, text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,15})([kmg]?)(i?b)?", text.lower())
    if found is None or (name not in SIZES and (found[2] or found[3])):
        wanted = "a size such as 512M or 2G" if name in SIZES else "a whole number above 0"
        raise UsageError(f"limit {name} cannot be {text!r}; it is {wanted}")
    value = int(found[1]) * _FACTORS[found[2]]
    if not 0 < value <= _LARGEST:
        raise UsageError(f"limit {name} cannot be {text!r}; it is above 0 and at most {_LARGEST}")
    return value
