"""Make findings that can be read on their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.model import Finding, FindingKind, Group, make_command

from .rows import CellFacts, Row, has_several_backends

WEIGHT = {kind: weight for weight, kind in enumerate(FindingKind)}
"""The heaviest has the least."""
_MOST_GROUPS = 200
ENDINGS = (FindingKind.HANG, FindingKind.CRASH)
"""Findings about the outcome of a cell, whatever it observed."""
EVERY_BACKEND = "every backend that ran does this"
"""Start of the line with the evidence against a scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A finding and the cells that it is about. `voids`: their numbers do not count.

    `otherwise` is the kind of finding where it is not doubt in its scenario after all, because a backend among them is
    known to do this.
    """

    finding: Finding
    cells: frozenset[str]
    voids: bool = False
    otherwise: FindingKind | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A backend saw a value in `seen` of `of` repetitions."""

    label: str
    value: str
    seen: int = 1
    of: int = 1


def make_judgement(
    row: Row,
    kind: FindingKind,
    culprits: Sequence[CellFacts],
    title: str,
    *,
    voids: bool = False,
    otherwise: FindingKind | None = None,
    **fields: Any,
) -> Judgement:
    """Return a finding about `culprits`, with the command that shows the first of them again and its evidence.

    Args:
        row: where it was found.
        kind: of the finding.
        culprits: the cells that it is about, at least one.
        title: one line without backend names or figures, so that it is the same in every row that has it.
        voids: whether the numbers of the culprits do not count.
        otherwise: as in `Judgement`.
        fields: of the `Finding`.
    """
    defaults: dict[str, Any] = {
        "question": row.card.question,
        "backends": tuple(dict.fromkeys(cell.label for cell in culprits)),
        "command": make_command(culprits[0].cell, row.request, row.seed),
        "evidence": next((cell.result.evidence for cell in culprits if cell.result.evidence), ""),
    }
    finding = Finding(kind=kind, row=row.id, title=title, **(defaults | fields))
    cells = frozenset(cell.id for cell in culprits)
    return Judgement(finding=finding, cells=cells, voids=voids, otherwise=otherwise)


def make_breach(
    row: Row,
    culprits: Sequence[CellFacts],
    reporters: Iterable[CellFacts],
    title: str,
    *,
    kind: FindingKind = FindingKind.VIOLATION,
    voids: bool = True,
    **fields: Any,
) -> Judgement:
    """Return a finding about `culprits`, or doubt in the scenario if they are every backend among `reporters`.

    In a scenario about a subject, e.g. a library, the finding is about the subject. `kind` and `voids` are those of a
    breach of the contract unless they are given.
    """
    doubt = describe_doubt(row, culprits, reporters)
    is_suspect = bool(doubt) and not row.card.subject
    return make_judgement(
        row,
        FindingKind.SUSPECT_SCENARIO if is_suspect else kind,
        culprits,
        title,
        voids=voids,
        otherwise=kind if is_suspect else None,
        details=(*fields.pop("details", ()), *doubt),
        culprit=(row.card.subject,) if doubt and row.card.subject else (),
        **fields,
    )


def describe_doubt(row: Row, culprits: Iterable[CellFacts], reporters: Iterable[CellFacts]) -> tuple[str, ...]:
    """Return a line of evidence against the scenario, or its subject, if the culprits are all backends that reported.

    It names them, and the backends of the row that did not report. One backend is no evidence.
    """
    present = tuple(reporters)
    labels = dict.fromkeys(cell.label for cell in present)
    if not has_several_backends(present) or not {cell.label for cell in culprits} >= set(labels):
        return ()
    silent = dict.fromkeys(cell.label for cell in row.cells if cell.label not in labels)
    others = f", no answer from {', '.join(silent)}" if silent else ""
    return (f"{EVERY_BACKEND} ({', '.join(labels)}{others}): look at {row.card.subject or 'the scenario'} first",)


def group_sightings(sightings: Iterable[Sighting]) -> tuple[Group, ...]:
    """Group backends by value and by how often they saw it, largest group first.

    Backends that always saw the value are one group, whatever the number of their repetitions; it is given the
    smallest of them.
    """
    grouped: dict[tuple[str, object], list[Sighting]] = {}
    for sighting in sightings:
        share = "always" if sighting.seen == sighting.of else (sighting.seen, sighting.of)
        grouped.setdefault((sighting.value, share), []).append(sighting)
    groups = [_make_group(value, members) for (value, _), members in grouped.items()]
    return tuple(sorted(groups, key=lambda group: -len(group.backends)))


def name_minority(groups: Sequence[Group], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the cells that are not in the group that holds more than half of the backends; all if there is none."""
    largest = max(groups, key=lambda group: len(group.backends))
    if 2 * len(largest.backends) <= len(labels):
        return tuple(labels)
    return tuple(label for label in labels if label not in largest.backends)


def bound_finding(finding: Finding) -> Finding:
    """Return a finding with as many values as a reader, or a list of expectations, can have; the rest is counted."""
    more = len(finding.groups) - _MOST_GROUPS
    if more <= 0:
        return finding
    about = frozenset(finding.values)
    groups = tuple(sorted(finding.groups, key=lambda group: group.value not in about))[:_MOST_GROUPS]
    shown = {group.value for group in groups}
    return msgspec.structs.replace(
        finding,
        groups=groups,
        values=tuple(value for value in finding.values if value in shown),
        details=(*finding.details, f"and {more:,} more values"),
    )


def _make_group(value: str, members: Sequence[Sighting]) -> Group:
    fewest = min(members, key=lambda member: member.of)
    return Group(value=value, backends=tuple(member.label for member in members), seen=fewest.seen, of=fewest.of)
