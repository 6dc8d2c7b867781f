"""The bound of a run's duration: which cells may still start, and when those that run are ended.

Part of the time is left for the reports. Cells that run side by side come first; they get their share of the rest, so
that the others are asked as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from harness.execute import CutOff
from harness.model import OUT_OF_TIME, Cell
from harness.session.costs import CellCosts

_REPORT_SECONDS = 1.0
_REPORT_SECONDS_PER_CELL = 0.003
_MOST_FOR_REPORTS = 0.3
"""Of the whole time."""


class Deadline:
    """Decides by the time that is left."""

    def __init__(
        self,
        seconds: float,
        cells: Iterable[Cell],
        costs: CellCosts,
        lanes: int,
        is_shared: Callable[[Cell], bool],
        slowness: float = 1.0,
        budget: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count.

        Args:
            seconds: that are left for the run, with its reports.
            cells: planned ones.
            costs: expected durations.
            lanes: how many cells run at a time.
            is_shared: whether a cell runs beside others.
            slowness: seconds that a second of CPU time takes, because others have the CPU as well.
            budget: of the user, for messages, if a part of it has gone already.
            clock: monotonic.
        """
        cells = tuple(cells)
        reports = slowness * (_REPORT_SECONDS + _REPORT_SECONDS_PER_CELL * len(cells))
        self._clock = clock
        self._costs = costs
        self._is_shared = is_shared
        now = clock()
        left = seconds - min(reports, _MOST_FOR_REPORTS * seconds)
        shared = sum(costs.expect(cell) for cell in cells if is_shared(cell)) / lanes
        alone = sum(costs.expect(cell) for cell in cells if not is_shared(cell))
        self._shared_until = now + left * max(shared / (shared + alone), 1 - alone / left) if shared else now
        self.cut_off = CutOff(at=now + left, reason=f"{OUT_OF_TIME}{budget or seconds:.0f} s")

    @property
    def left(self) -> float:
        """Seconds that are left for cells."""
        return self.cut_off.at - self._clock()

    def skip_reason(self, cell: Cell) -> str:
        """Return why it is too late for a cell, or an empty string."""
        until = self._shared_until if self._is_shared(cell) else self.cut_off.at
        return "" if self._clock() < until else self.cut_off.reason
