"""Unexpected findings by root cause: a cause that shows in twelve rows is read once, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.model import Comparison, Finding, FindingKind

Alike = tuple[Finding, ...]
"""The same finding in several rows; at least one."""
_FIRST = (FindingKind.HARNESS_FAULT, FindingKind.WRONG_BACKEND, FindingKind.SUSPECT_SCENARIO)
"""Findings that put others in doubt."""
_MOST_NAMES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """Findings with one cause, the one that explains it best first."""

    findings: Alike
    title: str
    """Of the first; the cause where they have several."""
    dependent: Alike | tuple[()] = ()
    """Findings of questions for which those of the group break a prerequisite."""


def group_unexpected(comparison: Comparison) -> list[FindingGroup]:
    """Return the unexpected findings in groups: those that cast doubt on others first, then by harm."""
    shared = list(_by_cause(comparison))
    told = {id(finding) for group in shared for finding in (*group.findings, *group.dependent)}
    rest = [finding for finding in comparison.unexpected if id(finding) not in told]
    others = [FindingGroup(findings=alike, title=alike[0].title) for alike in collapse(rest)]
    first = [group for group in others if group.findings[0].kind in _FIRST]
    return [*first, *shared, *(group for group in others if group.findings[0].kind not in _FIRST)]


def _by_cause(comparison: Comparison) -> Iterator[FindingGroup]:
    told: set[int] = set()
    for cause in comparison.root_causes:
        places = [place for place in cause.findings if place not in told]
        told.update(places)
        found = [comparison.findings[place] for place in places]
        own = tuple(finding for finding in found if finding.row not in cause.dependent)
        if own:
            is_one = len({(finding.kind, finding.row.scenario, finding.title) for finding in own}) == 1
            dependent = tuple(finding for finding in found if finding.row in cause.dependent)
            yield FindingGroup(findings=own, title=own[0].title if is_one else cause.title, dependent=dependent)


def name_dependent(dependent: Iterable[Finding]) -> str:
    """Return the questions of the findings that depend on a group, with their number."""
    names = list(dict.fromkeys(str(finding.row) for finding in dependent))
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{len(names)}: {', '.join(names[:_MOST_NAMES])}{more}" if names else ""


def collapse(findings: Iterable[Finding]) -> list[Alike]:
    """Put findings together that say the same of several rows of a scenario, in their order.

    Who leaves something behind does it whatever the question is: that is one finding of all scenarios.
    """
    alike: dict[tuple[FindingKind, str | tuple[str, ...], str, str], list[Finding]] = {}
    for finding in findings:
        who = finding.backends if finding.kind is FindingKind.LEFTOVER else finding.row.scenario
        alike.setdefault((finding.kind, who, finding.title, finding.known), []).append(finding)
    return [tuple(several) for several in alike.values()]
