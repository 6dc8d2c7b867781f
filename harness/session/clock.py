"""The time of a run's events: by the wall clock, and as seconds that the run has been running."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from harness.model import Moment, RunEvent


class RunClock:
    """Records the time of each event.

    Args:
        before: the last moment of the run, if it is resumed: its seconds continue there.
        wall: Unix time.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        before: Moment | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._zero = monotonic() - (before.elapsed if before is not None else 0.0)

    def stamp(self, event: RunEvent) -> RunEvent:
        """Return the event with the present moment; microseconds are enough, and short in a journal."""
        moment = Moment(wall=round(self._wall(), 6), elapsed=round(self._monotonic() - self._zero, 6))
        return msgspec.structs.replace(event, when=moment)
