"""Numbered connections that are free or lent by a pool."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Connections:
    """The free connections of a pool of `size`."""

    size: int
    free: deque[int] = field(init=False)

    def __post_init__(self) -> None:
        self.free = deque(range(self.size))
