"""Which findings a cell has a part in."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import (
    CellRecord,
    Comparison,
    Finding,
    FindingKind,
    Observed,
    Outcome,
    RowId,
    Run,
    outcome_text,
    value_text,
)

_OF_OUTCOMES = (
    FindingKind.HANG,
    FindingKind.CRASH,
    FindingKind.WRONG_BACKEND,
    FindingKind.INVALID_ENV,
    FindingKind.UNAVAILABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsByCell:
    """The findings of each cell, and those that no cell has."""

    of: dict[str, tuple[Finding, ...]]
    """By cell id, in order of weight."""
    elsewhere: tuple[Finding, ...]
    """About the run or a scenario as a whole, e.g. an expected difference that is gone."""


def attach_findings(run: Run, comparison: Comparison) -> FindingsByCell:
    """Return each finding at the cells that show it; where that cannot be told, at all cells that it is about."""
    records: dict[tuple[RowId, str], list[CellRecord]] = {}
    for record in run.records:
        records.setdefault((record.cell.row, record.cell.label), []).append(record)
    found: dict[str, list[Finding]] = {}
    elsewhere: list[Finding] = []
    for finding in comparison.findings:
        several = [records.get((finding.row, label), []) for label in finding.backends]
        if finding.kind is FindingKind.UNAVAILABLE:
            several = [[r for r in run.records if r.result.outcome is Outcome.UNAVAILABLE and _names(r, finding)]]
        if finding.kind is FindingKind.STALE_EXPECTATION or not any(several):
            elsewhere.append(finding)
            continue
        for cells in several:
            for record in [record for record in cells if _shows(record, finding)] or cells:
                found.setdefault(record.cell.id, []).append(finding)
    return FindingsByCell(of={cell: tuple(findings) for cell, findings in found.items()}, elsewhere=tuple(elsewhere))


def _names(record: CellRecord, finding: Finding) -> bool:
    labels = {record.cell.label, *(str(assigned.backend) for assigned in record.cell.roles)}
    return bool(labels.intersection(finding.backends))


def _shows(record: CellRecord, finding: Finding) -> bool:
    if finding.kind in _OF_OUTCOMES:
        return record.result.outcome is not Outcome.COMPLETED
    if finding.kind is FindingKind.FLAKY:
        return record.result.is_flaky
    if finding.kind is FindingKind.STALLED:
        return any(role.stalls for role in record.result.roles)
    if finding.kind is FindingKind.UNHANDLED:
        return any(role.unhandled for role in record.result.roles)
    if finding.kind is FindingKind.LEFTOVER:
        return any(role.escaped or role.survivors or role.leaks for role in record.result.roles)
    values = _values_of(finding)
    observed = [f.value for f in record.observations if isinstance(f, Observed) and f.key == finding.key]
    seen = {text(value) for value in observed for text in (value_text, outcome_text)}
    return bool(seen.intersection(values)) or not values


def _values_of(finding: Finding) -> set[str]:
    """Return the values that make the finding; without one, the values that no other backend showed."""
    if finding.values:
        return set(finding.values)
    about = set(finding.backends)
    by_others = {group.value for group in finding.groups if not about.intersection(group.backends)}
    return {group.value for group in finding.groups} - by_others
