"""Two columns of one run as two runs, so that they can be compared: `uvloop@old` with `uvloop@new`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from harness.model import CellRecord, Comparison, Run, UsageError

Side = tuple[Run, Comparison]


def take_columns(run: Run, labels: Sequence[str], judge: Callable[[Run], Comparison]) -> tuple[Side, ...]:
    """Return columns of a run as runs of their own, each judged alone, with one name for the column.

    Args:
        run: a stored run.
        labels: of the columns.
        judge: returns the results of a run.

    Raises:
        UsageError: the run has no such column.
    """
    columns = [_records_of(run, label) for label in labels]
    anywhere = {record.cell.label_anywhere for records in columns for record in records}
    name = anywhere.pop() if len(anywhere) == 1 else " → ".join(labels)
    return tuple(_take(run, label, records, judge, name) for label, records in zip(labels, columns, strict=True))


def _records_of(run: Run, label: str) -> tuple[CellRecord, ...]:
    records = tuple(record for record in run.records if record.cell.label == label)
    if not records:
        known = ", ".join(sorted({record.cell.label for record in run.records})) or "none"
        raise UsageError(f"run {run.started.run_id} has no column {label!r}; it has {known}")
    return records


def _take(run: Run, label: str, records: tuple[CellRecord, ...], judge: Callable[[Run], Comparison], name: str) -> Side:
    ids = {record.cell.id for record in records}
    plan = replace(
        run.started.plan,
        cells=tuple(cell for cell in run.started.plan.cells if cell.id in ids),
        skipped=tuple(skip for skip in run.started.plan.skipped if skip.cell.id in ids),
        baseline=label,
    )
    # Known differences of a backend depend on where it ran, so it is judged before that is taken away.
    comparison = judge(replace(run, started=replace(run.started, plan=plan), records=records))
    places = {assigned.backend.place for record in records for assigned in record.cell.roles}
    environment = _environment_at(run.started.environment, places)
    here = replace(
        run, started=replace(run.started, plan=plan, environment=environment), records=_without_place(records)
    )
    return here, _renamed(comparison, label, name)


def _environment_at(environment: dict[str, Any], places: set[str]) -> dict[str, Any]:
    """Return the facts of a run as they are in the environment of a column."""
    others = environment.get("environments", {})
    own = {name: fact for name, fact in environment.items() if name != "environments"}
    return own | (others.get(places.pop(), {}) if len(places) == 1 else {})


def _without_place(records: Sequence[CellRecord]) -> tuple[CellRecord, ...]:
    return tuple(
        replace(record, cell=replace(record.cell, roles=tuple(replace(r, backend=r.backend.anywhere) for r in roles)))
        for record in records
        for roles in (record.cell.roles,)
    )


def _renamed(comparison: Comparison, label: str, name: str) -> Comparison:
    rows = (replace(row, cells=tuple(replace(cell, label=name) for cell in row.cells)) for row in comparison.rows)
    findings = (
        replace(finding, backends=tuple(name if backend == label else backend for backend in finding.backends))
        for finding in comparison.findings
    )
    return replace(
        comparison, run_id=label, labels=(name,), rows=tuple(rows), findings=tuple(findings), self_check=None
    )
