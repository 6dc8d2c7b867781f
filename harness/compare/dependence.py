"""Findings that depend on others: a question whose prerequisite breaks on the same backend shows little of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from harness.model import Finding, FindingKind, RowId

from .rows import Row

_BREAKING = frozenset(
    {FindingKind.VIOLATION, FindingKind.HANG, FindingKind.CRASH, FindingKind.LEFTOVER, FindingKind.UNHANDLED}
)
Broken = Mapping[RowId, Collection[str]]
"""The columns in which each row breaks its contract."""
Prerequisites = Mapping[str, Sequence[str]]
"""By scenario, the scenarios whose contract it takes for granted."""


def mark_dependent(rows: Iterable[Row], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings, each with the prerequisites of its question that break on all of its backends."""
    prerequisites = list_prerequisites(rows)
    broken = collect_broken((finding.row, finding.backends) for finding in findings if _breaks(finding))
    return tuple(
        msgspec.structs.replace(finding, depends_on=bases)
        if _breaks(finding) and (bases := find_bases(finding.row, finding.backends, prerequisites, broken))
        else finding
        for finding in findings
    )


def _breaks(finding: Finding) -> bool:
    return finding.unexpected and finding.kind in _BREAKING


def list_prerequisites(rows: Iterable[Row]) -> Prerequisites:
    """Return the prerequisites of each scenario of some rows."""
    return {row.id.scenario: row.card.prerequisites for row in rows}


def collect_broken(signs: Iterable[tuple[RowId, Iterable[str]]]) -> Broken:
    """Return the columns of each row."""
    broken: dict[RowId, set[str]] = {}
    for row, labels in signs:
        broken.setdefault(row, set()).update(labels)
    return broken


def find_bases(row: RowId, labels: Collection[str], prerequisites: Prerequisites, broken: Broken) -> tuple[RowId, ...]:
    """Return the rows of the prerequisites of a row that break in all of these columns."""
    needed = prerequisites.get(row.scenario, ())
    found = (base for base, columns in broken.items() if base.scenario in needed and set(labels) <= set(columns))
    return tuple(sorted(found, key=lambda base: needed.index(base.scenario)))
