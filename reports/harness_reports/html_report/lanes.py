"""The steps of a row over time: a chart for each group of backends, with the first difference of each actor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import CellRecord, Outcome, Step
from harness_reports.safe_text import clean, shorten

_MOST_STEPS = 60
_MOST_ACTORS = 24
_STEP_LENGTH = 160
_NOT_RUN = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.NOT_RUN)

Shape = Mapping[str, tuple[str, ...]]
"""The steps of each actor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """An actor: its steps with their times in seconds, and the place of the first that differs; -1 for none."""

    name: str
    steps: tuple[tuple[float, str], ...]
    first: int
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChart:
    """The actors of backends that took the same steps, with the times of the first of these backends."""

    label: str
    actors: tuple[Lane, ...]
    differs: bool


def draw_lanes(records: Sequence[CellRecord]) -> tuple[LaneChart, ...]:
    """Return a chart for each group of backends, by the first round of each; nothing if they took no steps."""
    ran = [record for record in records if not record.cell.alias and record.result.outcome not in _NOT_RUN]
    traces = {record.cell.label: _steps_of(record) for record in reversed(ran)}
    if not any(traces.values()):
        return ()
    groups: dict[tuple[tuple[str, tuple[str, ...]], ...], list[str]] = {}
    for label in reversed(traces):
        shape = tuple(sorted((actor, tuple(what for _, what in steps)) for actor, steps in traces[label].items()))
        groups.setdefault(shape, []).append(label)
    (usual, _), *_ = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(
        LaneChart(
            label=", ".join(map(clean, labels)),
            actors=tuple(
                _make_lane(actor, steps, dict(usual) if shape != usual else {})
                for actor, steps in list(traces[labels[0]].items())[:_MOST_ACTORS]
            ),
            differs=shape != usual,
        )
        for shape, labels in groups.items()
    )


def _steps_of(record: CellRecord) -> dict[str, list[tuple[float, str]]]:
    found: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for fact in record.observations:
        if isinstance(fact, Step):
            found.setdefault((fact.role, fact.actor), []).append((fact.at, shorten(clean(fact.what), _STEP_LENGTH)))
    several = len({role for role, _ in found}) > 1
    return {clean(f"{role}/{actor}" if several else actor): steps for (role, actor), steps in found.items()}


def _make_lane(actor: str, steps: Sequence[tuple[float, str]], usual: Shape) -> Lane:
    first = _find_first([what for _, what in steps], usual[actor]) if actor in usual else -1
    kept = tuple((round(at, 6), what) for at, what in steps[:_MOST_STEPS])
    return Lane(name=actor, steps=kept, first=first, more=len(steps) - len(kept))


def _find_first(steps: Sequence[str], usual: Sequence[str]) -> int:
    """Return the place of the first step that is another one, the last if it only ends early; -1 if none is."""
    for place, (here, there) in enumerate(zip(steps, usual, strict=False)):
        if here != there:
            return place
    return -1 if len(steps) == len(usual) else min(len(steps), len(usual) + 1) - 1
