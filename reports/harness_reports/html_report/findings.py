"""The findings as the page shows them: everything that the terminal says, with links to the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Comparison, Finding, Group, RowId, format_parameters
from harness_reports.finding_groups import Alike
from harness_reports.finding_view import COULD_NOT_RUN, sort_findings
from harness_reports.private import without_paths
from harness_reports.safe_text import clean, clean_lines
from harness_reports.verdict import count_by_scenario, name_backends, place_of

from .anchors import cell_anchor, scenario_anchor

_MOST_LINKS = 24
_MOST_DETAILS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One finding, or the same one in several rows."""

    kind: str
    tone: str
    place: str
    title: str
    anchor: str
    scenario_anchor: str
    known: str
    expected: str
    reason: str
    reference: str
    groups: tuple[Group, ...]
    culprit: tuple[str, ...]
    divergence: str
    divergence_name: str
    details: tuple[str, ...]
    command: str
    evidence: str
    links: tuple[tuple[str, str], ...]
    """Text and fragment of each cell that it is about."""
    more_links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLists:
    """By how they are shown, each in order of weight."""

    unexpected: tuple[FindingView, ...]
    allowed: tuple[FindingView, ...]
    known: tuple[FindingView, ...]
    unavailable: tuple[FindingView, ...]
    stalled: tuple[FindingView, ...]


def view_findings(comparison: Comparison) -> FindingLists:
    """Return every finding of a run."""
    found = sort_findings(comparison.findings)
    names = {row.row: [cell.label for cell in row.cells] for row in comparison.rows}
    unavailable = [(finding,) for finding in found.unavailable]
    lists = [
        tuple(_view(alike, names, f"{prefix}-{number}") for number, alike in enumerate(several, 1))
        for prefix, several in (
            ("finding", found.unexpected),
            ("allowed", found.allowed),
            ("known", found.known),
            ("unavailable", unavailable),
            ("stalled", found.stalled),
        )
    ]
    return FindingLists(unexpected=lists[0], allowed=lists[1], known=lists[2], unavailable=lists[3], stalled=lists[4])


def _view(alike: Alike, names: dict[RowId, list[str]], anchor: str) -> FindingView:
    finding = alike[0]
    is_unavailable = finding.kind in COULD_NOT_RUN
    links = [link for each in alike for link in _links_of(each, names.get(each.row, []), _name_of(each, alike))]
    return FindingView(
        kind=finding.kind.value,
        tone="bad" if finding.unexpected else "off" if is_unavailable else "may",
        place=name_backends(finding.backends) if is_unavailable else place_of(alike),
        title=clean(finding.title),
        anchor=anchor,
        scenario_anchor=scenario_anchor(finding.row.scenario),
        known=finding.known,
        expected=finding.expected,
        reason=finding.reason,
        reference=finding.reference,
        groups=finding.groups,
        culprit=finding.culprit,
        divergence=finding.divergence,
        divergence_name="first difference" if finding.key else "last seen",
        details=tuple(_lines_of(finding)),
        command=finding.command,
        evidence=finding.evidence,
        links=tuple(links[:_MOST_LINKS]),
        more_links=max(len(links) - _MOST_LINKS, 0),
    )


def _lines_of(finding: Finding) -> list[str]:
    lines = [line for detail in finding.details for line in clean_lines(without_paths(detail))]
    more = len(lines) - _MOST_DETAILS
    return lines if more <= 0 else [*lines[:_MOST_DETAILS], f"… and {more} more lines"]


def _name_of(finding: Finding, alike: Alike) -> str:
    """Return what tells the row of a finding from those of the others that are alike; nothing if it is alone."""
    if len(alike) == 1:
        return ""
    if len(count_by_scenario(alike)) > 1:
        return clean(finding.row)
    return clean(format_parameters(finding.row.parameters).strip("[]")) or "defaults"


def _links_of(finding: Finding, labels: Sequence[str], name: str) -> list[tuple[str, str]]:
    return [
        (f"{name}: {name_backends((label,))}" if name else clean(label), cell_anchor(finding.row, label))
        for label in finding.backends
        if label in labels
    ]
