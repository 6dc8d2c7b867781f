"""Compare traces: steps are ordered within an actor, and only there.

How the steps of two actors interleave is the scheduler's business, so a trace is a partial order: a sequence for
each actor. Two traces are equal if each actor took the same steps. The first point of divergence is found by walking
one trace in the order in which it was recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import Trace
from harness.model import FindingKind, Step

from .findings import (
    Judgement,
    Sighting,
    group_sightings,
    make_breach,
    make_judgement,
    name_minority,
)
from .rows import CellFacts, Row
from .values import value_text

_MOST_ACTORS = 50
_NO_STEP = "(no further step)"

Actor = tuple[str, str]
"""Role and name."""
Recorded = Sequence[tuple[Actor, str]]
"""The steps of all actors, in the order in which they were recorded."""


@dataclass(frozen=True, slots=True)
class Point:
    """The first step at which traces differ: its actor and index, the step of each trace there, and the step before."""

    actor: Actor
    index: int
    steps: tuple[str, ...]
    after: str = ""


def first_divergence(traces: Sequence[Recorded]) -> Point | None:
    """Return where traces first differ, or nothing if every actor took the same steps in each.

    Args:
        traces: the first is the one that is walked, so a point is early or late as that one recorded it. Steps that
            it lacks are found afterwards, in the order in which the others recorded them.
    """
    sequences = [_by_actor(trace) for trace in traces]
    if all(sequence == sequences[0] for sequence in sequences):
        return None
    for trace in traces:
        reached: Counter[Actor] = Counter()
        for actor, _ in trace:
            index = reached[actor]
            reached[actor] += 1
            steps = tuple(_step_at(sequence, actor, index) for sequence in sequences)
            if len(set(steps)) > 1:
                after = sequences[0][actor][index - 1] if index else ""
                return Point(actor, index, steps, after)
    return None


def judge_trace(row: Row, key: str, judge: Trace) -> Iterator[Judgement]:
    """Find backends whose own rounds differ, and the first point at which the others differ from each other."""
    cells = row.completed if any(cell.steps for cell in row.completed) else ()
    traces: dict[str, list[Recorded]] = {}
    for cell in cells:
        traces.setdefault(cell.label, []).append(_recorded(cell.steps))
    points = {label: first_divergence(rounds) for label, rounds in traces.items()}
    varying = [label for label, point in points.items() if point is not None]
    if varying:
        yield _judge_varying(row, key, judge, cells, {label: traces[label] for label in varying})
    steady = _largest_first({label: rounds[0] for label, rounds in traces.items() if label not in varying})
    if (point := first_divergence(tuple(steady.values()))) is not None:
        yield _judge_point(row, key, judge, tuple(steady), point)


def describe_difference(model: CellFacts, cell: CellFacts, row: Row) -> str:
    """Return the step at which a cell first differs from another one; nothing if the traces are alike."""
    point = first_divergence((_recorded(model.steps), _recorded(cell.steps)))
    if point is None:
        return ""
    usual, other = point.steps
    return f"{_place_text(point, row)}: '{usual}' on {model.label}, '{other}' on {cell.label}"


def describe_last_steps(cell: CellFacts, row: Row) -> str:
    """Return each actor's progress when the cell stopped; and the full length, if the row has a cell that ended."""
    if not cell.steps:
        return _last_observation(cell)
    reached = _by_actor(_recorded(cell.steps))
    model = next((other for other in row.completed if other.steps), None)
    whole = _by_actor(_recorded(model.steps)) if model else {}
    lines = []
    for actor in dict.fromkeys([*reached, *whole]):
        steps = reached.get(actor, ())
        name = _actor_text(actor, row)
        total = f" of {len(whole[actor])} on {model.label}" if model and actor in whole else ""
        lines.append(f"{name}: '{steps[-1]}' (step {len(steps)}{total})" if steps else f"{name}: never started")
    more = [f"and {len(lines) - _MOST_ACTORS:,} more actors"] if len(lines) > _MOST_ACTORS else []
    return "; ".join(lines[:_MOST_ACTORS] + more)


def _judge_varying(
    row: Row, key: str, judge: Trace, cells: Sequence[CellFacts], traces: dict[str, list[Recorded]]
) -> Judgement:
    culprits = [cell for cell in cells if cell.label in traces]
    label, rounds = next(iter(traces.items()))
    point = first_divergence(rounds)
    assert point is not None
    counts = Counter(point.steps)
    return make_breach(
        row,
        culprits,
        cells,
        f"{key} varies on one backend",
        kind=FindingKind.DIVERGENCE,
        voids=False,
        key=key,
        expected="the same steps of each actor in every round",
        reason=judge.reason,
        reference=judge.reference,
        groups=group_sightings(Sighting(label, step, seen, len(rounds)) for step, seen in counts.items()),
        divergence=f"{_place_text(point, row)} on {label}",
    )


def _judge_point(row: Row, key: str, judge: Trace, labels: tuple[str, ...], point: Point) -> Judgement:
    in_order = [square.label for square in row.squares if square.label in labels]
    step_of = dict(zip(labels, point.steps, strict=True))
    groups = group_sightings(Sighting(label, step_of[label]) for label in in_order)
    minority = name_minority(groups, in_order)
    return make_judgement(
        row,
        FindingKind.DIVERGENCE,
        [cell for cell in row.completed if cell.label in minority],
        f"{key} diverges",
        key=key,
        expected="the same steps of each actor on every backend",
        reason=judge.reason,
        reference=judge.reference,
        groups=groups,
        divergence=_place_text(point, row),
    )


def _largest_first(traces: dict[str, Recorded]) -> dict[str, Recorded]:
    """Put a backend of the largest group that agrees first: its trace is the one that is walked."""
    shapes = {label: tuple(sorted(_by_actor(trace).items())) for label, trace in traces.items()}
    sizes = Counter(shapes.values())
    return {label: traces[label] for label in sorted(traces, key=lambda label: -sizes[shapes[label]])}


def _place_text(point: Point, row: Row) -> str:
    after = f", after '{point.after}'" if point.after else ""
    return f"{_actor_text(point.actor, row)}, step {point.index + 1}{after}"


def _actor_text(actor: Actor, row: Row) -> str:
    role, name = actor
    return f"{role}/{name}" if len(row.card.roles) > 1 else name


def _last_observation(cell: CellFacts) -> str:
    facts: list[Any] = [fact for several in cell.observed.values() for fact in several]
    if not facts:
        return ""
    last = max(facts, key=lambda fact: fact.at)
    return f"{last.key} = {value_text(last.value)}, observed after {last.at:.3g} s"


def _recorded(steps: Sequence[Step]) -> Recorded:
    return [((step.role, step.actor), step.what) for step in steps]


def _by_actor(trace: Recorded) -> dict[Actor, tuple[str, ...]]:
    sequences: dict[Actor, list[str]] = {}
    for actor, what in trace:
        sequences.setdefault(actor, []).append(what)
    return {actor: tuple(steps) for actor, steps in sequences.items()}


def _step_at(sequence: dict[Actor, tuple[str, ...]], actor: Actor, index: int) -> str:
    steps = sequence.get(actor, ())
    return steps[index] if index < len(steps) else _NO_STEP
