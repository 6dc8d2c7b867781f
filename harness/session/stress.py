"""More of the same: cells about behaviour, repeated for as long as the user wants."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from harness.model import Cell, Plan, Request, RowId


class StressRounds:
    """Supplies the next rounds, until the time is over."""

    def __init__(self, request: Request, plan: Plan, behaviours: frozenset[str]) -> None:
        """Begin to count the time.

        Args:
            request: has the duration.
            plan: the first portion.
            behaviours: names of the scenarios that are repeated.
        """
        self._seconds = request.stress_duration or 0.0
        self._started = time.monotonic()
        self._cells: dict[RowId, list[Cell]] = defaultdict(list)
        for cell in plan.cells:
            if cell.scenario in behaviours:
                self._cells[cell.row].append(cell)
        self._last = {row: max(cell.round for cell in cells) for row, cells in self._cells.items()}

    def choose_rounds(self, skip_reason: Callable[[Cell], str]) -> dict[RowId, range]:
        """Return one more round of each row that still has a cell to run, or nothing if the time is over."""
        if time.monotonic() - self._started >= self._seconds:
            return {}
        going_on = [row for row in self._last if any(not skip_reason(cell) for cell in self._cells[row])]
        for row in going_on:
            self._last[row] += 1
        return {row: range(self._last[row], self._last[row] + 1) for row in going_on}
