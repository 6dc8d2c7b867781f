"""Of an upgrade of several things, which of them changes what: columns that have only one of them new tell it.

`uvloop@old` has Python 3.11 and uvloop 0.19, `uvloop@new` has 3.13 and 0.22. A change that is there with the new Python
and the old uvloop is Python's, one that is there with the old Python and the new uvloop is uvloop's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from harness.model import Run

from .transitions import Change, FigureChange, FindingChange, OutcomeChange, RunChanges

PYTHON = "Python"

_COUNTED = (Change.REGRESSED, Change.FIXED)
Key = tuple[str, ...]
AnyChange = TypeVar("AnyChange", FindingChange, OutcomeChange, FigureChange)
Versions = Mapping[str, str]
"""Version of Python and of each distribution of a column."""


def list_versions(run: Run) -> dict[str, dict[str, str]]:
    """Return the versions that each column of a run was seen to run on."""
    found: dict[str, dict[str, str]] = {}
    for record in run.records:
        for role in record.result.roles:
            if (said := role.attestation) is not None:
                found.setdefault(record.cell.label, {}).update({PYTHON: said.python}, **said.versions)
    return found


def list_upgraded(old: Versions, new: Versions) -> tuple[str, ...]:
    """Return what has another version in the new column, Python first."""
    return tuple(name for name in dict.fromkeys((PYTHON, *old)) if name in new and old.get(name) != new[name])


def find_halves(old: Versions, new: Versions, others: Mapping[str, Versions]) -> dict[str, str]:
    """Return the column in which a thing alone is new, by the thing; those that are missing are left out."""
    wanted = {name: {**old, name: new[name]} for name in list_upgraded(old, new)}
    return {name: label for name, versions in wanted.items() for label, there in others.items() if there == versions}


def attribute(changes: RunChanges, upgraded: Sequence[str], halves: Mapping[str, RunChanges]) -> RunChanges:
    """Return the changes from the old column to the new one, each with its cause.

    Args:
        changes: from the old column to the new one.
        upgraded: what differs between them.
        halves: changes from the old column to the one in which a thing alone is new, by the thing.
    """
    seen = {name: frozenset(_keys(half)) for name, half in halves.items()}

    def with_cause(change: AnyChange) -> AnyChange:
        key = _key(change)
        return change if key is None else replace(change, cause=_cause_of(key, upgraded, seen))

    return replace(
        changes,
        findings=tuple(map(with_cause, changes.findings)),
        outcomes=tuple(map(with_cause, changes.outcomes)),
        figures=tuple(map(with_cause, changes.figures)),
    )


def _cause_of(key: Key, upgraded: Sequence[str], seen: Mapping[str, Collection[Key]]) -> str:
    """Return the name of the cause: one thing, each of several alone, or what is left over."""
    alone = [name for name in upgraded if name in seen and key in seen[name]]
    if alone:
        return alone[0] if len(alone) == 1 else f"each of {' and '.join(alone)} alone"
    if len(upgraded) < 2:
        return "".join(upgraded)
    together = f"{' and '.join(upgraded)} together"
    unknown = [name for name in upgraded if name not in seen]
    if not unknown:
        return together
    return " or ".join(upgraded if len(unknown) == len(upgraded) else (*unknown, together))


def _keys(changes: RunChanges) -> Iterator[Key]:
    every: tuple[FindingChange | OutcomeChange | FigureChange, ...]
    every = (*changes.findings, *changes.outcomes, *changes.figures)
    for change in every:
        if (key := _key(change)) is not None:
            yield key


def _key(change: FindingChange | OutcomeChange | FigureChange) -> Key | None:
    """Return what is the same in two comparisons with the same change; nothing for what is no better or worse."""
    match change:
        case FindingChange() if change.change in _COUNTED:
            return ("finding", change.change, change.kind, change.row, change.title, change.key)
        case OutcomeChange() if change.change in _COUNTED:
            return ("outcome", change.change, change.row, change.after.partition(" ")[0])
        case FigureChange() if change.is_headline and change.verdict is not None:
            return ("figure", change.verdict, change.row, change.key)
        case _:
            return None
