"""Of an upgrade of several things, which of them changes what: columns that have only one of them new tell it.

`uvloop@old` has Python 3.11 and uvloop 0.19, `uvloop@new` has 3.13 and 0.22. A change that is there with the new Python
and the old uvloop is Python's, one that is there with the old Python and the new uvloop is uvloop's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from harness.model import Run, SpeedVerdict

from .transitions import Change, FigureChange, FindingChange, OutcomeChange, RunChanges

PYTHON = "Python"

_COUNTED = (Change.REGRESSED, Change.FIXED)
_DECIDED = (SpeedVerdict.SLOWER, SpeedVerdict.FASTER)
Key = tuple[str, ...]
AnyChange = TypeVar("AnyChange", FindingChange, OutcomeChange, FigureChange)
Versions = Mapping[str, str]
"""Version of Python and of each distribution of a column."""


def list_versions(run: Run, like: str) -> dict[str, dict[str, str]]:
    """Return the versions that columns of a run were seen to run on: those of the same backend, with the same options.

    Args:
        run: a stored run.
        like: one of these columns.
    """
    anywhere = {record.cell.label_anywhere for record in run.records if record.cell.label == like}
    found: dict[str, dict[str, str]] = {}
    for record in (record for record in run.records if record.cell.label_anywhere in anywhere):
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
    seen = {name: frozenset(filter(None, map(_key, _all_of(half)))) for name, half in halves.items()}
    asked = {name: frozenset(filter(None, map(_subject, _all_of(half)))) for name, half in halves.items()}

    def with_cause(change: AnyChange) -> AnyChange:
        if not (key := _key(change)):
            return change
        subject = ("figure", change.row, change.key) if isinstance(change, FigureChange) else ("row", change.row)
        alone = [name for name in upgraded if key in seen.get(name, ())]
        unknown = [name for name in upgraded if subject not in asked.get(name, ())]
        return replace(change, cause=_name_cause(upgraded, alone, unknown))

    return replace(
        changes,
        findings=tuple(map(with_cause, changes.findings)),
        outcomes=tuple(map(with_cause, changes.outcomes)),
        figures=tuple(map(with_cause, changes.figures)),
    )


def _name_cause(upgraded: Sequence[str], alone: Sequence[str], unknown: Sequence[str]) -> str:
    """Return one thing, each of several alone, or the remaining ones where a column did not ask."""
    if alone:
        return alone[0] if len(alone) == 1 else f"each of {' and '.join(alone)} alone"
    if len(upgraded) < 2:
        return "".join(upgraded)
    together = f"{' and '.join(upgraded)} together"
    if not unknown:
        return together
    return " or ".join(upgraded if len(unknown) == len(upgraded) else (*unknown, together))


def _all_of(changes: RunChanges) -> tuple[FindingChange | OutcomeChange | FigureChange, ...]:
    return (*changes.findings, *changes.outcomes, *changes.figures)


def _key(change: FindingChange | OutcomeChange | FigureChange) -> Key:
    """Return the key of a change, which another comparison may share; empty if nothing is better or worse."""
    match change:
        case FindingChange() if change.change in _COUNTED:
            return ("finding", change.change, change.kind, change.row, change.title, change.key)
        case OutcomeChange() if change.change in _COUNTED:
            return ("outcome", change.change, change.row, change.after.partition(" ")[0])
        case FigureChange() if change.is_headline and change.verdict in _DECIDED:
            return ("figure", change.verdict, change.row, change.key)
        case _:
            return ()


def _subject(change: FindingChange | OutcomeChange | FigureChange) -> Key:
    """Return the subject of a change: a row that ran in both columns, or a figure with a verdict."""
    match change:
        case OutcomeChange() if change.change not in (Change.NEW, Change.GONE):
            return ("row", change.row)
        case FigureChange() if change.verdict not in (None, SpeedVerdict.INCONCLUSIVE):
            return ("figure", change.row, change.key)
        case _:
            return ()
