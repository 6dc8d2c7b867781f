"""The bound of a run's duration: which cells may still start, and when those that run are ended.

Part of the time is left for the reports. Cells that run side by side come first; they get their share of the rest, so
that the others are asked as well. The first rows of their families are many and quick, and may take half of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from harness.execute import CutOff
from harness.model import OUT_OF_TIME, Cell
from harness.plan import first_rows
from harness.session.costs import CellCosts

_REPORT_SECONDS = 0.4
_REPORT_SECONDS_PER_CELL = 0.0008
_MOST_FOR_REPORTS = 0.4
"""Of the whole time; so much is needed where others take nearly all of the CPU."""


_MOST_FOR_FIRST_ROWS = 0.5
"""Of the time for cells."""


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

        def expect(chosen: Iterable[Cell]) -> tuple[float, float]:
            kinds = [(is_shared(cell), costs.expect(cell)) for cell in chosen]
            shared = sum(cost for is_it, cost in kinds if is_it) / lanes
            return shared, sum(cost for is_it, cost in kinds if not is_it)

        first = first_rows(cells)
        self._first = frozenset(cell.id for cell in first)
        self._first_until = now + left * _MOST_FOR_FIRST_ROWS
        self._shared_until = now + left * _share(left, *expect(cells), *expect(first))
        self.cut_off = CutOff(at=now + left, reason=f"{OUT_OF_TIME}{budget or seconds:.0f} s")

    @property
    def left(self) -> float:
        """Seconds that are left for cells."""
        return self.cut_off.at - self._clock()

    def skip_reason(self, cell: Cell) -> str:
        """Return why it is too late for a cell, or an empty string."""
        return "" if self._clock() < self._until(cell) else self.cut_off.reason

    def _until(self, cell: Cell) -> float:
        if not self._is_shared(cell):
            return self.cut_off.at
        return max(self._shared_until, self._first_until if cell.id in self._first else 0.0)


def _share(left: float, shared: float, alone: float, first_shared: float, first_alone: float) -> float:
    """Return the part of the time for cells that run side by side.

    It is their part of all costs; or all that the others leave; or less, if the first row of each family needs it.
    """
    if not shared or not alone:
        return float(bool(shared))
    share = max(shared / (shared + alone), 1 - alone / left)
    reserved = min(first_alone / left, first_alone / (first_shared + first_alone))
    return min(share, 1 - reserved)
