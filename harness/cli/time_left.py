"""How long the rest of a run takes, from the cells that are planned and those that have ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from harness.model import Cell, CellFinished, CellStarted, Outcome, RunEvent, RunExtended, RunStarted

GUESS = 2.0
"""Seconds of a cell of which nothing is known."""
_TRUST = 4
"""Cells that must have ended before their measured pace counts more than the expected one."""
_LAST_SHARE = 0.1
"""Share of its expected time that a cell is expected to take further, however long it has run."""
_Keys = tuple[tuple[str, ...], ...]
_NOT_TIMED = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.NOT_RUN, Outcome.INVALID_ENV)


class _Mean:
    """The mean of values that come one by one."""

    def __init__(self) -> None:
        self.value, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """Take the next value."""
        self._count += 1
        self.value += (value - self.value) / self._count


class _Class:
    """Cells that run in the same way: side by side, or alone. `seconds` of them took `wall` seconds."""

    def __init__(self, lanes: int) -> None:
        self.seconds = self.wall = 0.0
        self._lanes, self._cells = lanes, 0

    def add(self, seconds: float) -> None:
        """Take the seconds of a cell that has ended."""
        self.seconds += seconds
        self._cells += 1

    @property
    def mean(self) -> float:
        """Seconds of a cell of which nothing else is known."""
        return (self.seconds + GUESS) / (self._cells + 1)

    @property
    def pace(self) -> float:
        """How many seconds pass for each second that a cell takes."""
        trusted = _TRUST * self.mean
        return (self.wall + trusted / self._lanes) / (self.seconds + trusted)


class TimeLeft:
    """Sees the events of a run and estimates the seconds that are left.

    A cell is expected to take as long as those of its row and backend did, of its scenario, or of the last runs. The
    pace of cells that run side by side is measured apart from that of cells that run alone.

    Args:
        side_by_side: names of the scenarios whose cells may run beside others.
        lanes: how many at a time.
        known: seconds of a cell of each scenario, in the last runs.
    """

    def __init__(self, side_by_side: Collection[str], lanes: int, known: Mapping[str, float]) -> None:
        self._shared = side_by_side
        self._known = known
        self._classes = {True: _Class(lanes), False: _Class(1)}
        self._left: dict[str, tuple[Cell, _Keys]] = {}
        self._spent: dict[tuple[str, ...], _Mean] = defaultdict(_Mean)
        self._running: dict[str, float] = {}
        self._begun = self._now = 0.0
        self._budget = 0.0
        self._is_bounded = False

    def see(self, event: RunEvent, now: float) -> None:
        """Take the next event, at a time in seconds."""
        self._pass_time(now)
        match event:
            case RunStarted(plan=plan, request=request):
                self._begun, self._budget = now, request.budget or 0.0
                self._is_bounded = request.bounded
                self._plan(plan.cells)
            case RunExtended(cells=cells):
                self._plan(cells)
            case CellStarted(cell_id=cell_id):
                self._running[cell_id] = now
            case CellFinished(result=result):
                self._running.pop(result.cell_id, None)
                planned = self._left.pop(result.cell_id, None)
                if planned is not None and result.outcome not in _NOT_TIMED:
                    self._classes[planned[0].scenario in self._shared].add(result.seconds)
                    for key in planned[1]:
                        self._spent[key].add(result.seconds)

    def estimate(self, now: float) -> float | None:
        """Return the seconds that are left; nothing before a run has begun."""
        if not self._left and not self._spent:
            return None
        seconds = {True: 0.0, False: 0.0}
        for cell, keys in self._left.values():
            is_shared = cell.scenario in self._shared
            seconds[is_shared] += self._remaining(cell, keys, self._classes[is_shared].pace, now)
        planned = sum(seconds[kind] * self._classes[kind].pace for kind in seconds)
        of_budget = self._budget - (now - self._begun)
        if self._is_bounded:
            return max(0.0, of_budget)
        return max(planned, of_budget) if self._budget else planned

    def _pass_time(self, now: float) -> None:
        if self._running:
            is_shared = any(self._scenario_of(cell_id) in self._shared for cell_id in self._running)
            self._classes[is_shared].wall += now - self._now
        self._now = now

    def _scenario_of(self, cell_id: str) -> str:
        planned = self._left.get(cell_id)
        return planned[0].scenario if planned is not None else ""

    def _plan(self, cells: Iterable[Cell]) -> None:
        self._left.update((cell.id, (cell, _keys_of(cell))) for cell in cells)

    def _remaining(self, cell: Cell, keys: _Keys, pace: float, now: float) -> float:
        expected = self._expect(cell, keys)
        begun = self._running.get(cell.id)
        if begun is None:
            return expected
        return max(expected - (now - begun) / max(pace, 1.0), expected * _LAST_SHARE)

    def _expect(self, cell: Cell, keys: _Keys) -> float:
        for key in keys:
            if (found := self._spent.get(key)) is not None:
                return found.value
        if cell.scenario in self._known:
            return self._known[cell.scenario]
        return self._classes[cell.scenario in self._shared].mean


def _keys_of(cell: Cell) -> _Keys:
    """Return the properties that a cell shares with others, the closest first."""
    return (str(cell.row), cell.label), (cell.scenario, cell.label), (cell.scenario,)
