"""Since when a task is in the wait that it is in, as far as repeated looks at it say.

No runtime notes it, and to note it at each wait would distort the measurement. A wait is one call from the
innermost frame of the scenario: as long as that frame, its instruction and the frame that it called are the same, it
is the same wait. Frames that were seen are kept, so that no new one can be taken for an old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import FrameType
from typing import NamedTuple


class Standing(NamedTuple):
    """Two times of looks: a wait began between them. The second is nothing if it was there at the first look."""

    seen_at: float
    """The first look that saw the task in its present wait."""
    elsewhere_at: float | None
    """The last look that saw it in another one."""


class _Mark(NamedTuple):
    place: FrameType
    instruction: int
    called: FrameType | None
    looked_at: float
    standing: Standing


class WaitTracker:
    """Where each task was at the last look; a task is known by its outermost frame."""

    def __init__(self) -> None:
        self._marks: dict[FrameType, _Mark] = {}
        self._places: set[FrameType] = set()
        self._resumed: set[FrameType] = set()

    def resume(self, frame: FrameType) -> None:
        """Note that a frame ran and gave way again."""
        if frame in self._places:
            self._resumed.add(frame)

    def see(self, frames: Sequence[FrameType], own: FrameType | None, at: float) -> Standing:
        """Note where a task is now, and return since when.

        Args:
            frames: of the task, outermost first.
            own: the scenario's innermost one; the runtime's own tasks have none.
            at: when, on any clock.
        """
        place = own or frames[-1]
        called = next((after for frame, after in pairwise(frames) if frame is place), None)
        before = self._marks.get(frames[0])
        if before is not None and self._is_same(before, place, called):
            standing = before.standing
        else:
            standing = Standing(at, before.looked_at if before is not None else None)
        self._marks[frames[0]] = _Mark(place, place.f_lasti, called, at, standing)
        return standing

    def _is_same(self, before: _Mark, place: FrameType, called: FrameType | None) -> bool:
        if before.place is not place or before.instruction != place.f_lasti or before.called is not called:
            return False
        # A call awaited without a frame of its own looks the same each time: there it counts whether the task ran.
        return called is not None or place not in self._resumed

    def end_look(self) -> None:
        """Begin to note which frames run until the next look."""
        self._places = {mark.place for mark in self._marks.values()}
        self._resumed.clear()
