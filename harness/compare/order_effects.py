"""Effects of the order of execution: position in a round, and drift of the machine over the run.

Neither can make a difference between backends, because each has each place equally often and each round has all of
them. Both widen intervals, so they help a reader to explain wide ones.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from harness.model import CellSummary, MetricSummary, OrderEffect, RowId, RowSummary, Run

from .intervals import STRICT_CONFIDENCE, estimate_median, factor

Residuals = dict[str, dict[int, float]]
"""By backend and round, how much worse its figure is than its own median, as a logarithm."""


def measure_order_effects(run: Run, rows: Sequence[RowSummary]) -> tuple[OrderEffect, ...]:
    """Return the effects that the figures suffice to tell."""
    first = _first_labels(run)
    residuals = {row.row: _residuals(row.cells) for row in rows}
    effects = (
        _effect("first of its round", [d for row, r in residuals.items() for d in _of_the_first(row, r, first)]),
        _effect("second half of the rounds", [d for r in residuals.values() for d in _of_the_second_half(r)]),
    )
    return tuple(effect for effect in effects if effect is not None)


def _effect(name: str, differences: Sequence[float]) -> OrderEffect | None:
    interval = estimate_median(differences, STRICT_CONFIDENCE)
    if interval is None:
        return None
    return OrderEffect(
        name=name,
        ratio=factor(interval.median),
        low=factor(interval.low),
        high=factor(interval.high),
        count=len(differences),
    )


def _first_labels(run: Run) -> dict[tuple[RowId, int], str]:
    """Return the backend that ran first in each round of each row; none where it was the reference's second run."""
    first: dict[tuple[RowId, int], str] = {}
    for cell in run.started.plan.cells:
        first.setdefault((cell.row, cell.round), "" if cell.alias else cell.label)
    return first


def _residuals(cells: Sequence[CellSummary]) -> Residuals:
    return {cell.label: _of_metric(cell.headline) for cell in cells if cell.headline is not None}


def _of_metric(metric: MetricSummary) -> dict[int, float]:
    if min(metric.values) <= 0:
        return {}
    logs = [math.log(value) for value in metric.values]
    middle, sign = statistics.median(logs), -1 if metric.better == "higher" else 1
    return {number: sign * (value - middle) for number, value in zip(metric.rounds, logs, strict=True)}


def _of_the_first(row: RowId, residuals: Residuals, first: dict[tuple[RowId, int], str]) -> Iterator[float]:
    for number in sorted({number for own in residuals.values() for number in own}):
        label = first.get((row, number), "")
        others = [own[number] for name, own in residuals.items() if name != label and number in own]
        if others and number in residuals.get(label, {}):
            yield residuals[label][number] - statistics.median(others)


def _of_the_second_half(residuals: Residuals) -> Iterator[float]:
    """Yield for each round of the first half the difference of the round that is half of them later.

    All backends of a round were disturbed together, so a round counts once.
    """
    numbers = sorted({number for own in residuals.values() for number in own})
    shared = [statistics.median(own[number] for own in residuals.values() if number in own) for number in numbers]
    half = len(shared) // 2
    yield from (after - before for before, after in zip(shared[:half], shared[len(shared) - half :], strict=True))
