"""Cells that are not run any more: after a failure, after so many hangs, and where all cells so far have hung."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from harness.compare import compare
from harness.model import (
    NOT_TRIED,
    Cell,
    CellFinished,
    CellObserved,
    CellRecord,
    CellResult,
    CellStarted,
    FindingKind,
    Observation,
    Outcome,
    Request,
    Run,
    RunEvent,
    RunExtended,
    RunStarted,
)

RETIRED_AFTER = 3
"""Hangs in a row of one backend in one scenario, after which its other cells there are not run."""
_FAILURES = (
    FindingKind.HARNESS_FAULT,
    FindingKind.VIOLATION,
    FindingKind.HANG,
    FindingKind.CRASH,
    FindingKind.WRONG_BACKEND,
)
"""The outcomes that a cell shows by itself; a divergence takes others."""


class StopRules:
    """Sees every event of a run and finds the cells that there is no point in running."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._started: RunStarted | None = None
        self._cells: dict[str, Cell] = {}
        self._observations: dict[str, list[Observation]] = defaultdict(list)
        self._hangs_in_a_row: Counter[tuple[str, str]] = Counter()
        self._hangs = 0
        self.stopped = ""
        """Why nothing more is run; empty while there is no reason."""

    def skip_reason(self, cell: Cell) -> str:
        """Return why a cell is not run, or an empty string."""
        if self.stopped:
            return self.stopped
        hangs = self._hangs_in_a_row[cell.scenario, cell.label]
        if hangs < RETIRED_AFTER:
            return ""
        return f"hangs {hangs}/{hangs}: the last cells of {cell.scenario} all hung here"

    def recall(self, run: Run) -> None:
        """Begin where a stored run has ended: which backends hung again and again, but not what stopped it."""
        self._begin(run.started)
        for record in run.records:
            self._count(record.cell, record.result)
        self._hangs = 0

    def see(self, event: RunEvent) -> None:
        """Take note of an event."""
        match event:
            case RunStarted():
                self._begin(event)
            case RunExtended(cells=cells):
                self._cells |= {cell.id: cell for cell in cells}
            case CellStarted(cell_id=cell_id):
                self._observations.pop(cell_id, None)
            case CellObserved(cell_id=cell_id, observation=observation) if self._request.fail_fast:
                self._observations[cell_id].append(observation)
            case CellFinished(result=result) if result.cell_id in self._cells:
                self._finish(self._cells[result.cell_id], result)

    def _begin(self, started: RunStarted) -> None:
        self._started = started
        self._cells = {cell.id: cell for cell in started.plan.cells}

    def _finish(self, cell: Cell, result: CellResult) -> None:
        self._count(cell, result)
        observations = tuple(self._observations.pop(cell.id, ()))
        if self.stopped or result.outcome in NOT_TRIED:
            return
        most = self._request.max_hangs
        if most is not None and self._hangs >= most:
            self.stopped = f"stopped after {self._hangs} hang{'s' * (self._hangs != 1)} (--max-hangs)"
        elif self._request.fail_fast and self._fails(CellRecord(cell=cell, result=result, observations=observations)):
            self.stopped = f"stopped after {cell.id} (--fail-fast)"

    def _count(self, cell: Cell, result: CellResult) -> None:
        if result.outcome in NOT_TRIED:
            return
        arm = (cell.scenario, cell.label)
        self._hangs_in_a_row[arm] = self._hangs_in_a_row[arm] + 1 if result.outcome is Outcome.HUNG else 0
        self._hangs += result.outcome is Outcome.HUNG

    def _fails(self, record: CellRecord) -> bool:
        """Return whether a cell, looked at alone, has a finding that is not expected."""
        assert self._started is not None
        plan = msgspec.structs.replace(self._started.plan, cells=(record.cell,), skipped=())
        alone = Run(started=msgspec.structs.replace(self._started, plan=plan), records=(record,), complete=True)
        return any(finding.kind in _FAILURES for finding in compare(alone).unexpected)
