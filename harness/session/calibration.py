"""How much work a row does for one value: enough to be measured well by the fastest, not too much for the slowest.

A row's own amount stays where it is right. It is judged by the duration of a value in a round run before the others,
with that amount; the figures of that round count for nothing else.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from harness.api import Parameter
from harness.model import CellRecord, Observed, Outcome, RowId, RowWork, Run

LEAST_SECONDS = 0.02
"""That a value takes; a clock and an interrupt are then small beside it."""
MOST_SECONDS = 1.0
MOST_SPREAD = MOST_SECONDS / LEAST_SECONDS
"""Between the slowest and the fastest. With more, no amount is right for both, and each has its own."""


def calibrate(run: Run, scalable: Mapping[str, Parameter]) -> tuple[RowWork, ...]:
    """Return the work of the rows that have figures and no amount of work yet.

    Args:
        run: as far as it went; each of these rows has had one round, with its own amount.
        scalable: by scenario the parameter for the amount of work.
    """
    known = {work.row for work in run.works}
    arms: dict[RowId, dict[str, CellRecord]] = defaultdict(dict)
    for record in run.records:
        cell = record.cell
        if cell.scenario in scalable and cell.row not in known and record.result.outcome is Outcome.COMPLETED:
            arms[cell.row].setdefault(cell.label, record)
    headlines = {card.name: card.headline for card in run.started.scenarios}
    has_timeouts = run.started.request.timeout is None
    return tuple(
        work
        for row, records in arms.items()
        for work in _choose_work(row, records, scalable[row.scenario], headlines[row.scenario], has_timeouts)
    )


def _choose_work(
    row: RowId, records: Mapping[str, CellRecord], scale: Parameter, headline: str, has_timeouts: bool
) -> Iterator[RowWork]:
    values = {label: took for label, record in records.items() if (took := measure_value(record, headline)) > 0}
    before = dict(row.parameters).get(scale.name, scale.default)
    if not values or not isinstance(before, int):
        return
    amounts = {label: _limit(amount, scale) for label, amount in choose_amounts(before, values).items()}
    are_equal = len(set(amounts.values())) == 1
    yield RowWork(
        row=row,
        parameter=scale.name,
        amount=next(iter(amounts.values())) if are_equal else before,
        own={} if are_equal else amounts,
        seconds={
            label: _expect_seconds(records[label], headline, values[label] * (amount / before - 1))
            for label, amount in amounts.items()
        },
        has_timeouts=has_timeouts,
    )


def measure_value(record: CellRecord, headline: str) -> float:
    """Return the seconds that a value took: the least of its cell, because a disturbance only adds; 0 without one."""
    times = [fact.at for fact in record.observations if isinstance(fact, Observed) and fact.key == headline]
    return min((after - before for before, after in pairwise(times)), default=sum(times))


def _expect_seconds(record: CellRecord, headline: str, more: float) -> float:
    """Return the duration of a cell whose values take so many more seconds; the first value is a warm-up."""
    number = sum(isinstance(fact, Observed) and fact.key == headline for fact in record.observations)
    return record.result.seconds + (1 + number) * max(0.0, more)


def choose_amounts(amount: int, values: Mapping[str, float]) -> dict[str, int]:
    """Return the amount of each arm: the same for all, unless they are too far apart.

    Args:
        amount: with which they were measured.
        values: seconds that a value took, by label.
    """
    fastest, slowest = min(values.values()), max(values.values())
    if slowest > MOST_SPREAD * fastest:
        return {label: _scale(amount, took, took) for label, took in values.items()}
    return dict.fromkeys(values, _scale(amount, fastest, slowest))


def _scale(amount: int, fastest: float, slowest: float) -> int:
    if fastest < LEAST_SECONDS:
        return math.ceil(amount * LEAST_SECONDS / fastest)
    if slowest > MOST_SECONDS:
        return max(1, math.floor(amount * MOST_SECONDS / slowest))
    return amount


def _limit(amount: int, scale: Parameter) -> int:
    least = 1 if scale.at_least is None else math.ceil(scale.at_least)
    return max(least, amount if scale.at_most is None else min(amount, math.floor(scale.at_most)))
