"""Figures against those of the reference: over the rounds that both have, and only where both did the same work."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

import msgspec

from harness.model import LEAST_ROUNDS, Bounds, CellSummary, MetricSummary, RatioSummary, SpeedVerdict

from .intervals import (
    MANY_BACKENDS,
    MARGIN,
    Interval,
    confidence_for,
    count_rounds_needed,
    estimate_median,
    factor,
    judge_log_ratios,
    pair_log_ratios,
)
from .rows import Row, Square
from .values import value_text

MOST_MISSING = 0.2
"""Share of the rounds that a square may miss and still have figures, and a pair of squares a ratio (MEASUREMENT, 7)."""


def add_ratios(cells: Sequence[CellSummary], row: Row, reference: str) -> tuple[CellSummary, ...]:
    """Return the squares of a row with their ratios to the reference; without it there are none."""
    base = next((cell for cell in cells if cell.label == reference), None)
    if base is None:
        return tuple(cells)
    return tuple(cell if cell is base else _with_ratios(cell, base, cells, row) for cell in cells)


def compare_alias(metric: MetricSummary, base: MetricSummary, row: Row, reference: str) -> RatioSummary:
    """Return the reference against itself, at the stricter confidence if the rounds suffice for it."""
    planned = len({cell.cell.round for cell in _square(row, reference).cells if cell.cell.alias})
    return compare_metric(metric, base, reference=reference, planned=planned, backends=MANY_BACKENDS)


def compare_metric(
    metric: MetricSummary, base: MetricSummary, *, reference: str, planned: int, backends: int
) -> RatioSummary:
    """Return a metric against that of the reference.

    Args:
        metric: of the square.
        base: of the reference.
        reference: its label.
        planned: rounds that were to be run.
        backends: how many of the row have this metric.
    """
    pairs = pair_log_ratios(metric.by_round, base.by_round)
    if not pairs or planned - len(pairs) > MOST_MISSING * planned:
        return RatioSummary(reference=reference, rounds=len(pairs), withheld=_why_too_few(metric, base, planned))
    summary = RatioSummary(reference=reference, rounds=len(pairs), ratio=factor(statistics.median(pairs)))
    judged = judge_log_ratios(pairs, backends, higher_is_better=metric.better == "higher")
    if judged is None or len(pairs) < LEAST_ROUNDS:
        return summary
    interval, verdict = judged
    is_open = verdict is SpeedVerdict.INCONCLUSIVE
    return msgspec.structs.replace(
        summary,
        low=factor(interval.low),
        high=factor(interval.high),
        confidence=interval.confidence,
        verdict=verdict,
        rounds_needed=count_rounds_needed(interval, len(pairs), needed=confidence_for(backends)) if is_open else 0,
        bimodal=_find_other_mode(metric, base, interval),
    )


def _find_other_mode(metric: MetricSummary, base: MetricSummary, interval: Interval) -> Bounds | None:
    """Return the ratio of the best samples if the margin lies between its interval and that of the medians.

    Then the samples come from two sources at least, and a median only tells which of them is more frequent.
    """
    best = estimate_median(pair_log_ratios(metric.best_by_round, base.best_by_round), interval.confidence)
    if best is None or max(best.low - interval.high, interval.low - best.high) <= math.log1p(MARGIN):
        return None
    return Bounds(ratio=factor(best.median), low=factor(best.low), high=factor(best.high))


def _with_ratios(cell: CellSummary, base: CellSummary, cells: Sequence[CellSummary], row: Row) -> CellSummary:
    planned = max(_count_rounds(_square(row, label)) for label in (cell.label, base.label))
    disparity = tuple(_disparities(_square(row, cell.label), _square(row, base.label), row.card.parity))
    ratios = {
        key: _withhold(
            compare_metric(
                metric,
                base.metrics[key],
                reference=base.label,
                planned=planned,
                backends=sum(key in other.metrics for other in cells),
            ),
            disparity,
            allowed=row.request.allow_disparity,
        )
        for key, metric in cell.metrics.items()
        if key in base.metrics
    }
    return msgspec.structs.replace(cell, ratios=ratios, ratio=ratios.get(row.card.headline))


def _square(row: Row, label: str) -> Square:
    return next(square for square in row.squares if square.label == label)


def _count_rounds(square: Square) -> int:
    return len({cell.cell.round for cell in square.cells if not cell.is_trial})


def _why_too_few(metric: MetricSummary, base: MetricSummary, planned: int) -> str:
    if min(*metric.values, *base.values) <= 0:
        return "a figure of 0 has no ratio"
    both = len(set(metric.rounds) & set(base.rounds))
    return f"only {both} of {planned} rounds have a figure of both"


def _withhold(summary: RatioSummary, disparity: tuple[str, ...], *, allowed: bool) -> RatioSummary:
    if not disparity:
        return summary
    if allowed:
        return msgspec.structs.replace(summary, disparity=disparity)
    return RatioSummary(
        reference=summary.reference,
        rounds=summary.rounds,
        disparity=disparity,
        withheld=f"not the same work: {'; '.join(disparity)}",
    )


def _disparities(square: Square, base: Square, parity: Sequence[str]) -> Iterator[str]:
    """Yield the fields that differ, with the value of each side."""
    for key in parity:
        here, there = _seen(square, key), _seen(base, key)
        if here != there:
            yield f"{key}: {' | '.join(here) or 'not observed'} against {' | '.join(there) or 'not observed'}"


def _seen(square: Square, key: str) -> tuple[str, ...]:
    return tuple(sorted({value_text(value) for cell in square.cells if cell.completed for value in cell.values(key)}))
