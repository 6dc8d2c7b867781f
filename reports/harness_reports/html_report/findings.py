"""The findings as the page shows them: everything that the terminal says, by the row that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import Comparison, Finding, FindingKind, Group, RowId, format_parameters
from harness_reports.finding_groups import Alike, FindingGroup, group_unexpected, name_dependent
from harness_reports.finding_view import COULD_NOT_RUN, sort_findings
from harness_reports.private import without_paths
from harness_reports.safe_text import clean, clean_lines
from harness_reports.verdict import count_by_scenario, name_backends, place_of

from .anchors import row_anchor

_MOST_DETAILS = 120
_MOST_ROWS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One finding, or several with one cause."""

    anchor: str
    row: str
    """Fragment of its first row."""
    kind: str
    tone: str
    place: str
    title: str
    rows: str
    """The rows, if there are several."""
    known: str
    question: str
    expected: str
    reason: str
    reference: str
    groups: tuple[Group, ...]
    culprit: tuple[str, ...]
    depends: str
    """Rows of prerequisites that break as well."""
    dependent: str
    """Rows that break because of this one."""
    divergence: str
    divergenceName: str  # noqa: N815 - read by the script
    details: tuple[str, ...]
    command: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFindings:
    """All findings of a run, the unexpected first, and their places by row."""

    views: tuple[FindingView, ...]
    unexpected: int
    """How many of them are unexpected: the first so many."""
    by_row: dict[RowId, list[int]]


def place_findings(comparison: Comparison) -> PlacedFindings:
    """Return every finding of a run."""
    groups = list(_groups(comparison))
    by_row: dict[RowId, list[int]] = {}
    for place, group in enumerate(groups):
        for row in dict.fromkeys(finding.row for finding in (*group.findings, *group.dependent)):
            by_row.setdefault(row, []).append(place)
    return PlacedFindings(
        views=tuple(_view(group, f"finding-{place}") for place, group in enumerate(groups, 1)),
        unexpected=sum(group.findings[0].unexpected for group in groups),
        by_row=by_row,
    )


def _groups(comparison: Comparison) -> Iterator[FindingGroup]:
    yield from group_unexpected(comparison)
    found = sort_findings(comparison.findings)
    for several in (found.known, found.allowed, found.stalled):
        yield from (FindingGroup(findings=alike, title=alike[0].title) for alike in several)
    for finding in found.unavailable:
        yield FindingGroup(findings=(finding,), title=finding.reason or finding.title)


def _view(group: FindingGroup, anchor: str) -> FindingView:
    alike: Alike = group.findings
    finding = alike[0]
    is_unavailable = finding.kind in COULD_NOT_RUN
    return FindingView(
        anchor=anchor,
        row=row_anchor(finding.row),
        kind=_kind_of(finding),
        tone="bad" if finding.unexpected else "off" if is_unavailable else "odd" if finding.known else "may",
        place=name_backends(finding.backends) if is_unavailable else place_of(alike),
        title=clean(group.title),
        rows=_rows_of(alike),
        known=clean(finding.known),
        question=clean(finding.question) if len(count_by_scenario(alike)) == 1 else "",
        expected=clean(finding.expected),
        reason=clean(finding.reason),
        reference=clean(finding.reference),
        groups=tuple(map(_clean_group, finding.groups)),
        culprit=tuple(map(clean, finding.culprit)),
        depends=clean(", ".join(map(str, finding.depends_on))),
        dependent=clean(name_dependent(group.dependent)),
        divergence=clean(finding.divergence),
        divergenceName="first difference" if finding.key else "last seen",
        details=tuple(_lines_of(finding)),
        command=clean(finding.command),
        evidence=clean(finding.evidence),
    )


def _kind_of(finding: Finding) -> str:
    if finding.known:
        return "known"
    return "by design" if finding.kind is FindingKind.INTERESTING else finding.kind.value


def _clean_group(group: Group) -> Group:
    return Group(
        value=clean(group.value),
        backends=tuple(map(clean, group.backends)),
        seen=group.seen,
        of=group.of,
        grade=clean(group.grade),
    )


def _rows_of(alike: Sequence[Finding]) -> str:
    if len(alike) == 1:
        return ""
    is_one = len({finding.row.scenario for finding in alike}) == 1
    names = [
        clean(format_parameters(finding.row.parameters).strip("[]")) or "defaults" if is_one else clean(finding.row)
        for finding in alike
    ]
    more = len(names) - _MOST_ROWS
    return "; ".join(names[:_MOST_ROWS]) + (f"; and {more} more" if more > 0 else "")


def _lines_of(finding: Finding) -> list[str]:
    lines = [line for detail in finding.details for line in clean_lines(without_paths(detail))]
    more = len(lines) - _MOST_DETAILS
    return lines if more <= 0 else [*lines[:_MOST_DETAILS], f"… and {more} more lines"]
