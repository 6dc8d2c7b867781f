"""A run as its events show it: fed by a journal that is read, or by a run that is still going on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from typing import assert_never

import msgspec

from harness.model import (
    Cell,
    CellFinished,
    CellObserved,
    CellProgressed,
    CellRecord,
    CellResult,
    CellRetried,
    CellStarted,
    HelperContinued,
    Moment,
    Observation,
    Observed,
    Outcome,
    RowWork,
    Run,
    RunCalibrated,
    RunEvent,
    RunExtended,
    RunFinished,
    RunResumed,
    RunStarted,
    Step,
)
from harness.wire import MOST_FACTS, MOST_KEYS, bound_value


class RunAssembly:
    """Collects the events of a run and gives the run so far."""

    def __init__(self, started: RunStarted) -> None:
        self._header = started
        self._cells, self._skipped = list(started.plan.cells), list(started.plan.skipped)
        self._observations: dict[str, list[Observation]] = defaultdict(list)
        self._keys: dict[str, set[str]] = defaultdict(set)
        self._left_out: Counter[str] = Counter()
        self._begun: dict[str, Moment | None] = {}
        self._results: dict[str, CellFinished] = {}
        self._works: list[RowWork] = []
        self.last = started.when
        """When the last event was recorded."""
        self.events = 0
        """How many events followed the first one."""
        self.results = 0
        """How many of them were results."""
        self.footer: RunFinished | None = None
        """The last event, if the run has ended and was not resumed."""

    def see(self, event: RunEvent) -> None:
        """Take the next event."""
        match event:
            case CellObserved(cell_id=cell_id, observation=observation):
                self._observe(cell_id, observation)
            case CellStarted(cell_id=cell_id):
                self._begun[cell_id] = event.when
                for of_earlier_start in (self._observations, self._keys, self._left_out):  # in a run that was resumed
                    of_earlier_start.pop(cell_id, None)
            case CellFinished(result=result):
                self._results[result.cell_id] = event
                self.results += 1
            case RunExtended():
                self._cells += event.cells
                self._skipped += event.skipped
            case RunCalibrated(rows=rows):
                self._works += rows
                self._cells = _calibrated(self._cells, rows, self._results, self._header.plan.seed)
            case RunFinished():
                self.footer = event
            case RunResumed():
                self.footer = None
            case RunStarted() | CellRetried() | CellProgressed() | HelperContinued():
                pass
            case _:
                assert_never(event)
        self.events += 1
        self.last = event.when or self.last

    def _observe(self, cell_id: str, observation: Observation) -> None:
        facts, keys = self._observations[cell_id], self._keys[cell_id]
        name = f"step of {observation.actor}" if isinstance(observation, Step) else f"value of {observation.key}"
        if len(keys) < MOST_KEYS:
            keys.add(name)
        if name in keys and len(facts) < MOST_FACTS:
            facts.append(_bounded(observation))
        else:
            self._left_out[cell_id] += 1

    def _facts(self, cell_id: str) -> tuple[Observation, ...]:
        """Return the facts of a cell; of one with too many, the last one names the rest, and has no judge."""
        facts = tuple(self._observations.get(cell_id, ()))
        if not (more := self._left_out[cell_id]):
            return facts
        bounds = f"{MOST_KEYS:,} keys and actors, or {MOST_FACTS:,} facts,"
        cut = Observed(role=facts[0].role, key=f"… ({more:,} facts beyond {bounds} are left out)", value=more, at=0.0)
        return (*facts, cut)

    def run(self, note: str = "") -> Run:
        """Return the run so far, with a record of each cell that is planned by now.

        Args:
            note: problems of the journal; empty if it is complete.
        """
        cells, skipped = tuple(self._cells), tuple(self._skipped)
        plan = msgspec.structs.replace(self._header.plan, cells=cells, skipped=skipped)
        return Run(
            started=msgspec.structs.replace(self._header, plan=plan),
            records=tuple(map(self._record, (*(skip.cell for skip in skipped), *cells))),
            complete=not note,
            note=note,
            last=self.last,
            works=tuple(self._works),
        )

    def _record(self, cell: Cell) -> CellRecord:
        finished = self._results.get(cell.id)
        return CellRecord(
            cell=cell,
            result=finished.result if finished else self._missing(cell),
            observations=self._facts(cell.id),
            started=self._begun.get(cell.id),
            finished=finished.when if finished else None,
        )

    def _missing(self, cell: Cell) -> CellResult:
        when = "before the end of" if cell.id in self._begun else "before"
        is_interrupted = self.footer is not None and self.footer.interrupted
        what = "the run was interrupted" if is_interrupted else "the journal ends"
        return CellResult(cell_id=cell.id, outcome=Outcome.NOT_RUN, reason=f"{what} {when} this cell")


def _calibrated(cells: Iterable[Cell], rows: tuple[RowWork, ...], results: Container[str], seed: int) -> list[Cell]:
    works = {work.row: work for work in rows}
    return [
        works[cell.row].assign(cell, seed) if cell.row in works and cell.id not in results else cell for cell in cells
    ]


def _bounded(observation: Observation) -> Observation:
    """Return an observation that can be reported, also where another program wrote the journal."""
    if isinstance(observation, Observed) and isinstance(observation.value, str | list | dict):
        return msgspec.structs.replace(observation, value=bound_value(observation.value))
    return observation
