"""Sizes of the groups of a question, and positions in a group."""

from __future__ import annotations

SIZES = (1, 2, 3, 10)
"""Numbers of tasks: one, the smallest groups and a larger group."""


def list_positions(size: int) -> list[int]:
    """Return the first, the middle and the last of a number of positions, each once."""
    return sorted({0, size // 2, size - 1})
