"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

TIMES = "\N{MULTIPLICATION SIGN}"
"""Before a factor."""

_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ns": 1e-9}
_TIME_SCALE = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = {"B": 1.0, "bytes": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_BYTE_SCALE = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_MOST = 1e16
"""From here on, and below its inverse, a number within its unit is written with an exponent."""
_COUNT_SCALE = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def format_figure(value: float, unit: str) -> str:
    """Return a value with three significant digits, in the unit of its family that suits its size.

    `ns` may become `µs`, `ms` or `s`; bytes (also `B/s`) go by 1024; a rate `1/s` is written `1.23k/s`; other units
    keep their name, and thousands become `k`.
    """
    if not math.isfinite(value):
        return f"{value} {unit}".strip()
    if unit in _SECONDS and value * _SECONDS[unit] == 0 != value:  # smaller than a float in seconds
        return f"{value:.3g} {unit}"
    if unit in _SECONDS:
        return _scaled(value * _SECONDS[unit], _TIME_SCALE)
    quantity, _, per = unit.partition("/")
    if quantity in _BYTES:
        return _scaled(value * _BYTES[quantity], _BYTE_SCALE) + (f"/{per}" if per else "")
    number = _scaled(value, _COUNT_SCALE).replace(" ", "")
    if quantity == "1" and per:
        return f"{number}/{per}"
    return f"{number} {unit}".strip()


def format_factor(ratio: float, sign: str = TIMES) -> str:
    """Return a factor with as many digits as people compare; one that is too small for them has two of its own."""
    if 0 < ratio < 0.095:
        return f"{sign}{ratio:.2g}"
    digits = 0 if ratio >= 99.95 else 1 if ratio >= 9.995 else 2
    return f"{sign}{ratio:.{digits}f}"


def format_count(number: int, noun: str) -> str:
    """Return `1 row`, `3 rows`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def is_of_time(unit: str) -> bool:
    """Return whether a figure of this unit is a time or something per time, so that better means faster."""
    quantity, _, per = unit.partition("/")
    return quantity in _SECONDS or per in _SECONDS


def _scaled(value: float, scale: Sequence[tuple[float, str]]) -> str:
    if value == 0:
        return f"0 {scale[-1][1]}".rstrip()
    # What rounds up to the next unit is written in it: 999.9 µs is 1.00 ms.
    size, name = next(((size, name) for size, name in scale if abs(value) >= size * 0.9995), scale[-1])
    number = value / size
    if size == scale[-1][0] and abs(number) < 1000 and math.isclose(number, round(number)):
        return f"{round(number)} {name}".rstrip()
    return f"{_three_digits(number)} {name}".rstrip()


def _three_digits(value: float) -> str:
    if abs(value) >= _MOST or 0 < abs(value) < 1 / _MOST:
        return f"{value:.3g}"
    return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")
