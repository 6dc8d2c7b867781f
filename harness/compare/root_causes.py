"""Group findings by shared traits, so that a cause that shows in twelve rows is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.api import Harm
from harness.model import Finding, FindingKind, RootCause, RowId

from .rows import CellFacts, Row
from .traits import ENDING_OF_CELL, LEFT, UNHANDLED, Cause, Trait, list_traits

HARMS = {harm: place for place, harm in enumerate(Harm)}
"""The worst has the least."""
_KEY_OF_KIND = {
    FindingKind.HANG: ENDING_OF_CELL,
    FindingKind.CRASH: ENDING_OF_CELL,
    FindingKind.LEFTOVER: LEFT,
    FindingKind.UNHANDLED: UNHANDLED,
}

Sign = tuple[int, Trait, RowId, tuple[str, ...]]
"""The place of a finding, its trait, its row and its columns."""


def find_root_causes(rows: Iterable[Row], findings: Sequence[Finding]) -> tuple[RootCause, ...]:
    """Return the causes of the findings that are not expected, the worst first; of equal harm, those of most rows."""
    by_id = {row.id: row for row in rows}
    signs: list[Sign] = []
    for place, finding in enumerate(findings):
        if finding.unexpected and (row := by_id.get(finding.row)) is not None:
            signs += ((place, trait, finding.row, finding.backends) for trait in _traits_of(row, finding))
    return group_signs(signs)


def group_signs(signs: Iterable[Sign]) -> tuple[RootCause, ...]:
    """Return the causes of the observed traits, the worst first; of equal harm, those of most rows."""
    grouped: dict[Cause, list[Sign]] = {}
    for sign in signs:
        grouped.setdefault(sign[1].cause, []).append(sign)
    causes = (_make_cause(cause, members) for cause, members in grouped.items())
    return tuple(sorted(causes, key=lambda cause: (HARMS[cause.harm], -len(cause.rows), cause.title)))


def _make_cause(cause: Cause, signs: Sequence[Sign]) -> RootCause:
    ordered = sorted(signs, key=lambda sign: HARMS[sign[1].harm])
    return RootCause(
        title=cause.title,
        harm=ordered[0][1].harm,
        basis=cause.basis,
        backends=tuple(dict.fromkeys(label for sign in signs for label in sign[3])),
        rows=tuple(dict.fromkeys(row for _, _, row, _ in ordered)),
        findings=tuple(dict.fromkeys(place for place, _, _, _ in ordered)),
    )


def _traits_of(row: Row, finding: Finding) -> Iterator[Trait]:
    """Yield the traits that the culprits of a finding show; a finding without any stands for itself."""
    cells = [cell for cell in row.cells if cell.label in finding.backends]
    found = dict.fromkeys(trait for cell in cells for trait in _matching(row, cell, finding))
    yield from _worst_cause(found)


def _matching(row: Row, cell: CellFacts, finding: Finding) -> Iterator[Trait]:
    key = finding.key or _KEY_OF_KIND.get(finding.kind, "")
    for trait in list_traits(row, cell):
        if trait.key == key and trait.breaks and (not finding.values or trait.value in finding.values):
            yield trait


def _worst_cause(traits: Iterable[Trait]) -> Iterator[Trait]:
    yield from sorted(traits, key=lambda trait: HARMS[trait.harm])[:1]
