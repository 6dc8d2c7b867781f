"""Group findings by shared traits, so that a cause that shows in twelve rows is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.api import Harm
from harness.model import Finding, FindingKind, RootCause, RowId

from .dependence import Prerequisites, collect_broken, find_bases, list_prerequisites
from .rows import Row
from .traits import ENDING_OF_CELL, LEFT, UNHANDLED, Cause, Trait, list_traits

HARMS = {harm: place for place, harm in enumerate(Harm)}
"""The worst has the least."""
_KEY_OF_KIND = {
    FindingKind.HANG: ENDING_OF_CELL,
    FindingKind.CRASH: ENDING_OF_CELL,
    FindingKind.LEFTOVER: LEFT,
    FindingKind.UNHANDLED: UNHANDLED,
}

_TraitsByKey = dict[str, list[tuple[str, Trait]]]
Sign = tuple[int, Trait, RowId, tuple[str, ...]]
"""The place of a finding, its trait, its row and its columns."""


def find_root_causes(rows: Iterable[Row], findings: Sequence[Finding]) -> tuple[RootCause, ...]:
    """Return the causes of the findings that are not expected, the worst first; of equal harm, those of most rows."""
    rows = tuple(rows)
    by_id = {row.id: row for row in rows}
    traits: dict[RowId, _TraitsByKey] = {}
    signs: list[Sign] = []
    for place, finding in enumerate(findings):
        if finding.unexpected and (row := by_id.get(finding.row)) is not None:
            if row.id not in traits:
                traits[row.id] = _index_traits(row)
            found = _worst_cause(dict.fromkeys(_matching(traits[row.id], finding)))
            signs += ((place, trait, finding.row, finding.backends) for trait in found)
    return group_signs(signs, list_prerequisites(rows))


def group_signs(signs: Iterable[Sign], prerequisites: Prerequisites) -> tuple[RootCause, ...]:
    """Return the causes of the observed traits, the worst first; of equal harm, those of most rows.

    What depends on a broken prerequisite belongs to the cause of that.
    """
    observed = sorted(signs, key=lambda sign: HARMS[sign[1].harm])
    origins = _find_origins(observed)
    bases = _find_bases(observed, prerequisites)
    own: dict[Cause, list[Sign]] = {}
    dependent: dict[Cause, list[Sign]] = {}
    for sign in observed:
        base = bases.get(sign[0])
        cause = (base or sign)[1].cause
        (own if base is None else dependent).setdefault(origins.get(cause, cause), []).append(sign)
    causes = (_make_cause(cause, members, dependent.get(cause, ())) for cause, members in own.items())
    return tuple(sorted(causes, key=lambda cause: (HARMS[cause.harm], -len(cause.rows), cause.title)))


def _find_origins(signs: Sequence[Sign]) -> dict[Cause, Cause]:
    """Return, for each cause that follows from another one of the same columns, the one that follows from none."""
    columns: dict[Cause, set[str]] = {}
    for _, trait, _, labels in signs:
        columns.setdefault(trait.cause, set()).update(labels)
    named = {cause.title: cause for cause in columns if not cause.scope}
    followed = {
        trait.cause: origin
        for _, trait, _, _ in signs
        if (origin := named.get(trait.follows_from)) is not None and columns[trait.cause] & columns[origin]
    }
    return {cause: _first_of(cause, followed) for cause in followed}


def _find_bases(signs: Sequence[Sign], prerequisites: Prerequisites) -> dict[int, Sign]:
    """Return, by the place of each finding that depends on others, the worst sign of the prerequisite that breaks.

    A prerequisite may have prerequisites; the one at the start of the chain counts. It explains no worse harm than its
    own, and only what shows on columns on which it shows too.
    """
    broken = collect_broken((row, labels) for _, _, row, labels in signs)
    found: dict[int, Sign] = {}
    for place, trait, row, labels in signs:
        passed, base = {row}, row
        while (rows := find_bases(base, labels, prerequisites, broken)) and rows[0] not in passed:
            passed.add(base := rows[0])
        if base != row and not rows:  # in a circle, each is a cause of its own
            worst = next((sign for sign in signs if sign[2] == base and set(labels) <= set(sign[3])), None)
            if worst is not None and HARMS[worst[1].harm] <= HARMS[trait.harm]:
                found[place] = worst
    return found


def _first_of(cause: Cause, followed: Mapping[Cause, Cause]) -> Cause:
    passed = {cause}
    while (origin := followed.get(cause)) is not None and origin not in passed:
        passed.add(cause := origin)
    return cause


def _make_cause(cause: Cause, signs: Sequence[Sign], dependent: Sequence[Sign]) -> RootCause:
    # What shows the cause itself is before what follows from it.
    ordered = sorted(signs, key=lambda sign: (HARMS[sign[1].harm], sign[1].cause != cause))
    rows = tuple(dict.fromkeys(row for _, _, row, _ in ordered))
    return RootCause(
        title=cause.title,
        harm=ordered[0][1].harm,
        basis=cause.basis,
        backends=tuple(dict.fromkeys(label for sign in signs for label in sign[3])),
        rows=rows,
        symptoms=tuple(dict.fromkeys(_name_symptom(sign[1].cause) for sign in ordered if sign[1].cause != cause)),
        dependent=tuple(dict.fromkeys(row for _, _, row, _ in dependent if row not in rows)),
        findings=tuple(dict.fromkeys(place for place, _, _, _ in (*ordered, *dependent))),
    )


def _name_symptom(cause: Cause) -> str:
    return f"{cause.scope}: {cause.title}" if cause.scope else cause.title


def _index_traits(row: Row) -> _TraitsByKey:
    """Return the traits of a row that break its contract, with the column of each, by key."""
    found: _TraitsByKey = {}
    for cell in row.cells:
        for trait in list_traits(row, cell):
            if trait.breaks:
                found.setdefault(trait.key, []).append((cell.label, trait))
    return found


def _matching(traits: _TraitsByKey, finding: Finding) -> Iterator[Trait]:
    """Yield the traits that the culprits of a finding show; a finding without any stands for itself."""
    values = frozenset(finding.values)
    for label, trait in traits.get(finding.key or _KEY_OF_KIND.get(finding.kind, ""), ()):
        if label in finding.backends and (not values or trait.value in values):
            yield trait


def _worst_cause(traits: Iterable[Trait]) -> Iterator[Trait]:
    yield from sorted(traits, key=lambda trait: HARMS[trait.harm])[:1]
