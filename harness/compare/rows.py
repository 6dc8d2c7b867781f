"""Group the records of a run into rows and columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import Value
from harness.model import (
    Cell,
    CellRecord,
    CellResult,
    Observed,
    Outcome,
    Request,
    RoleResult,
    RowId,
    Run,
    ScenarioCard,
    Step,
)

from .values import is_number, value_text

_RAN = frozenset({Outcome.COMPLETED, Outcome.RAISED, Outcome.HUNG, Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellFacts:
    """A cell and its observations, by key."""

    cell: Cell
    id: str
    label: str
    result: CellResult
    observed: Mapping[str, tuple[Observed, ...]]
    steps: tuple[Step, ...]
    ran: bool
    """Whether the scenario ran on the requested backend, so that its facts are about that backend."""
    is_trial: bool
    """Whether it only found the amount of work for the cells after it, so that its figures do not count."""

    @property
    def outcome(self) -> Outcome:
        """Outcome of the cell."""
        return self.result.outcome

    @property
    def completed(self) -> bool:
        """Whether it ran to its end, so that a missing observation is a fact too."""
        return self.ran and self.outcome is Outcome.COMPLETED

    @property
    def roles(self) -> tuple[RoleResult, ...]:
        """The results of its roles."""
        return self.result.roles

    def values(self, key: str) -> list[Any]:
        """Return each value of a key, in the order in which they were recorded."""
        return [observed.value for observed in self.observed.get(key, ())]

    def numbers(self, key: str) -> list[float]:
        """Return each value of a key that is a number."""
        return [value for value in self.values(key) if is_number(value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """The cells of a row and a label: one for each round, and two where the reference was run again in it.

    The second one is more of the same for everything but figures: identical code behaves the same, or the difference
    is one that the backend has with itself.
    """

    label: str
    cells: tuple[CellFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The unit of comparison: the cells that differ only in backend and round."""

    id: RowId
    card: ScenarioCard
    squares: tuple[Square, ...]
    request: Request
    seed: int

    cells: tuple[CellFacts, ...]
    """Every cell of the row, by label and round."""
    ran: tuple[CellFacts, ...]
    """The cells whose facts count."""
    completed: tuple[CellFacts, ...]
    """The cells that ran to their end."""


def group_rows(run: Run, records: Iterable[CellRecord], labels: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows: scenarios as they were requested, their rows by parameters.

    Args:
        run: where they were run.
        records: of all cells, see `all_records`.
        labels: the columns in their order, see `order_labels`.
    """
    cards = {card.name: card for card in run.started.scenarios}
    places = {name: place for place, name in enumerate(cards)}
    grouped: dict[RowId, dict[str, list[CellRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        grouped[record.cell.row][record.cell.label].append(record)
    order = sorted(grouped, key=lambda row: _row_order(row, places))
    return tuple(
        _make_row(
            row,
            cards.get(row.scenario) or _unknown_scenario(row.scenario),
            {label: grouped[row][label] for label in labels if label in grouped[row]},
            run,
        )
        for row in order
    )


def order_labels(run: Run, records: Iterable[CellRecord]) -> tuple[str, ...]:
    """Return the columns: backends in the order of the request, then pairs of them."""
    position = {card.label: index for index, card in enumerate(run.started.backends)}
    order: dict[str, tuple[bool, tuple[int, ...], str]] = {}
    for record in records:
        label = record.cell.label
        if label not in order:
            places = tuple(position.get(str(assigned.backend), len(position)) for assigned in record.cell.roles)
            order[label] = (label not in position, places, label)
    return tuple(sorted(order, key=order.__getitem__))


def all_records(run: Run) -> tuple[CellRecord, ...]:
    """Return a record for each planned cell, also for one that a damaged journal has lost."""
    known = {record.cell.id for record in run.records}
    skipped = [
        _make_record(skip.cell, Outcome.UNSUPPORTED, skip.reason)
        for skip in run.started.plan.skipped
        if skip.cell.id not in known
    ]
    known |= {record.cell.id for record in skipped}
    lost = [
        _make_record(cell, Outcome.NOT_RUN, "the journal has no result of it")
        for cell in run.started.plan.cells
        if cell.id not in known
    ]
    return (*run.records, *skipped, *lost)


def has_several_backends(cells: Iterable[CellFacts]) -> bool:
    """Return whether cells ran on at least two backends; variants of one backend do not confirm each other."""
    return len({frozenset(assigned.backend.name for assigned in cell.cell.roles) for cell in cells}) > 1


def _make_record(cell: Cell, outcome: Outcome, reason: str) -> CellRecord:
    return CellRecord(cell=cell, result=CellResult(cell_id=cell.id, outcome=outcome, reason=reason))


def _make_row(row: RowId, card: ScenarioCard, records: Mapping[str, list[CellRecord]], run: Run) -> Row:
    squares = tuple(_make_square(label, several, card) for label, several in records.items())
    cells = tuple(cell for square in squares for cell in square.cells)
    return Row(
        id=row,
        card=card,
        squares=squares,
        request=run.started.request,
        seed=run.started.plan.seed,
        cells=cells,
        ran=tuple(cell for cell in cells if cell.ran),
        completed=tuple(cell for cell in cells if cell.completed),
    )


def _make_square(label: str, records: list[CellRecord], card: ScenarioCard) -> Square:
    ordered = sorted(records, key=lambda record: record.cell.round)
    has_work = any(record.cell.work for record in records)
    facts = (_collect_facts(record, card, is_trial=has_work and record.cell.work is None) for record in ordered)
    return Square(label=label, cells=tuple(facts))


def _collect_facts(record: CellRecord, card: ScenarioCard, *, is_trial: bool) -> CellFacts:
    """Index the observations of a cell. A value of a key judged as a trace is a step of the actor named by the key."""
    observed: dict[str, list[Observed]] = defaultdict(list)
    steps: list[Step] = []
    for fact in record.observations:
        if isinstance(fact, Step):
            steps.append(fact)
        elif (judge := card.judges.get(fact.key)) and judge.is_trace:
            steps.append(Step(role=fact.role, actor=fact.key, what=value_text(fact.value), at=fact.at))
        else:
            observed[fact.key].append(fact)
    return CellFacts(
        cell=record.cell,
        id=record.cell.id,
        label=record.cell.label,
        result=record.result,
        ran=_has_run(record.result),
        observed={key: tuple(facts) for key, facts in observed.items()},
        steps=tuple(steps),
        is_trial=is_trial,
    )


def _has_run(result: CellResult) -> bool:
    attestations = [role.attestation for role in result.roles]
    return result.outcome in _RAN and all(attestation is None or attestation.holds for attestation in attestations)


def _unknown_scenario(name: str) -> ScenarioCard:
    return ScenarioCard(name=name, question="", contract=(), headline="", judges={})


def _row_order(row: RowId, places: Mapping[str, int]) -> tuple[Any, ...]:
    # Plans are shuffled, so the order of execution has no meaning.
    return (
        places.get(row.scenario, len(places)),
        row.scenario,
        [(name, _value_order(value)) for name, value in row.parameters],
    )


def _value_order(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (2, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
