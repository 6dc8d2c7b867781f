"""Limits of a cell's use of the machine: names, defaults, and notation."""

from __future__ import annotations

LIMITS = {
    "memory": "resident memory of all processes of a cell, e.g. 512M",
    "processes": "processes of a cell, its roles among them, at one time",
    "cpu": "seconds of CPU time of all processes of a cell",
    "output": "stdout and stderr of a role, e.g. 10M",
    "fds": "open files of each process of a cell",
}
"""Names, with the resource that each bounds."""
SIZES = ("memory", "output")
"""Those in bytes."""
DEFAULT_LIMITS: dict[str, int] = {"memory": 4 << 30, "processes": 512, "cpu": 3600, "output": 8 << 20}
"""Defaults. Open files are as many as the host gives: storms are sized by that."""
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def format_limit(name: str, value: float) -> str:
    """Return a value with its unit: `512 MiB`, `60 s`, `64`."""
    if name in SIZES:
        for size, unit in _UNITS:
            if value >= size:
                return f"{value / size:.4g} {unit}"
        return f"{value:.0f} B"
    return f"{value:.4g} s" if name == "cpu" else f"{value:.0f}"
