"""Traces side by side: a column for backends that took the same steps, the first difference of each actor marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CellRecord, Outcome, Step

from .safe_text import clean, shorten

_MOST_STEPS = 60
_STEP_LENGTH = 160
_NOT_RUN = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.NOT_RUN)

Actor = tuple[str, str]
Steps = dict[Actor, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """A step of an actor, as each column took it; empty where it took none."""

    number: int
    steps: tuple[str, ...]
    is_different: bool
    is_first_difference: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorTrace:
    """The steps of one actor."""

    name: str
    lines: tuple[TraceLine, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """The traces of a row."""

    columns: tuple[str, ...]
    """The backends of each column."""
    actors: tuple[ActorTrace, ...]

    @property
    def is_alike(self) -> bool:
        """Whether all backends took the same steps."""
        return len(self.columns) < 2


def view_traces(records: Sequence[CellRecord]) -> TraceView | None:
    """Return the traces of a row's cells, by their first round; nothing if they took no steps."""
    ran = [record for record in records if not record.cell.alias and record.result.outcome not in _NOT_RUN]
    traces = {record.cell.label: _steps_of(record) for record in reversed(ran)}
    if not any(traces.values()):
        return None
    columns: dict[tuple[tuple[Actor, tuple[str, ...]], ...], list[str]] = {}
    for label in reversed(traces):
        columns.setdefault(tuple(sorted(traces[label].items())), []).append(label)
    groups = sorted(columns.items(), key=lambda group: -len(group[1]))
    shapes = [dict(shape) for shape, _ in groups]
    order = dict.fromkeys(actor for steps in traces.values() for actor in steps)
    several_roles = len({role for role, _ in order}) > 1
    return TraceView(
        columns=tuple(", ".join(map(clean, labels)) for _, labels in groups),
        actors=tuple(
            _view_actor(
                clean(f"{role}/{name}" if several_roles else name), [shape.get((role, name), ()) for shape in shapes]
            )
            for role, name in order
        ),
    )


def _steps_of(record: CellRecord) -> Steps:
    found: dict[Actor, list[str]] = {}
    for fact in record.observations:
        if isinstance(fact, Step):
            found.setdefault((fact.role, fact.actor), []).append(shorten(clean(fact.what), _STEP_LENGTH))
    return {actor: tuple(steps) for actor, steps in found.items()}


def _view_actor(name: str, sequences: Sequence[tuple[str, ...]]) -> ActorTrace:
    longest = max(map(len, sequences))
    lines, differs = [], False
    for index in range(longest):
        steps = tuple(sequence[index] if index < len(sequence) else "" for sequence in sequences)
        is_different = len(set(steps)) > 1
        is_first, differs = is_different and not differs, differs or is_different
        if index < _MOST_STEPS or is_first:
            lines.append(
                TraceLine(number=index + 1, steps=steps, is_different=is_different, is_first_difference=is_first)
            )
    return ActorTrace(name=name, lines=tuple(lines), left_out=longest - len(lines))
