"""The best use of a run's remaining time: a first interval for as many scenarios as possible, then narrower ones.

Rounds are added up to fixed numbers only, and stop when an interval is narrow enough, never when it has a verdict:
to look after every round and stop at the first difference finds differences that are none.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from harness.compare.intervals import INTERIM_ROUNDS, NARROW
from harness.model import TRIAL_ROUND, CellSummary, Comparison, RatioSummary, RowId, RowSummary, Run

NARROW_IF_PARALLEL = 0.05
"""Of figures that depend on where the system runs threads or processes."""


@dataclass(frozen=True, slots=True)
class RowState:
    """How far a row has come: its rounds, seconds of a further one, and its width in units of a narrow one.

    Without an interval its width is infinite. `is_first` is that of the row that stands for its scenario. `trials` is
    how many rounds more it had, of which figures do not count.
    """

    row: RowId
    rounds: int
    seconds: float
    width: float
    is_first: bool
    trials: int = 0

    @property
    def next_look(self) -> int:
        """The number of rounds at which it is looked at next; none is left after the last."""
        return next((look for look in INTERIM_ROUNDS if look > self.rounds), self.rounds)

    @property
    def seconds_to_look(self) -> float:
        """The cost of getting there."""
        return (self.next_look - self.rounds) * self.seconds

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Rows without a look so far come first: one of each scenario, the cheapest of them; then the widest."""
        if self.rounds < INTERIM_ROUNDS[0]:
            return False, not self.is_first, self.seconds_to_look
        return True, False, -self.width

    @property
    def is_open(self) -> bool:
        """Whether further rounds may be worth their time; before the first look nothing is concluded."""
        return self.next_look > self.rounds and (self.width > 1 or self.rounds < INTERIM_ROUNDS[0])


class Budget:
    """The time of a run, from now on."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def choose_rounds(self, run: Run, comparison: Comparison) -> dict[RowId, range]:
        """Return the rounds to run next by row, as far as the time goes; none when it is over."""
        left = self._end - self._clock()
        chosen: dict[RowId, range] = {}
        for state in sorted(_states(run, comparison), key=lambda state: state.rank):
            if state.is_open and state.seconds_to_look <= left:
                left -= state.seconds_to_look
                chosen[state.row] = range(state.rounds + state.trials + 1, state.next_look + state.trials + 1)
        return chosen


def _states(run: Run, comparison: Comparison) -> list[RowState]:
    numbers: dict[RowId, set[int]] = defaultdict(set)
    rounds: dict[RowId, set[int]] = defaultdict(set)
    seconds: dict[RowId, float] = defaultdict(float)
    works = {work.row: work for work in run.works}
    for record in run.records:
        row = record.cell.row
        numbers[row].add(record.cell.round)
        if row not in works or record.cell.work is not None:
            rounds[row].add(record.cell.round)
            seconds[row] += record.result.seconds + sum(attempt.seconds for attempt in record.result.disturbed)
    parallel = {card.label for card in run.started.backends if card.parallel}
    measured = [row for row in comparison.rows if numbers[row.row] and any(cell.ratio for cell in row.cells)]
    first = {summary.row.scenario: summary.row for summary in reversed(measured)}
    return [
        RowState(
            row=(row := summary.row),
            rounds=len(rounds[row]),
            seconds=seconds[row] / len(rounds[row]) if rounds[row] else sum(works[row].seconds.values()),
            width=measure_width(summary, parallel),
            is_first=first[row.scenario] == row,
            trials=len(numbers[row] - rounds[row] - {TRIAL_ROUND}),
        )
        for summary in measured
    ]


def measure_width(row: RowSummary, parallel: set[str]) -> float:
    """Return how wide the intervals of a row are, as a multiple of a narrow one; infinite if there is none.

    It is the median over backends: one that scatters whatever is done does not take the time of all.
    """
    widths = [
        (math.log(ratio.high) - math.log(ratio.low)) / 2 / math.log1p(_narrow(cell, ratio, parallel))
        for cell in row.cells
        if (ratio := cell.ratio) is not None and ratio.low and ratio.high
    ]
    return statistics.median(widths) if widths else math.inf


def _narrow(cell: CellSummary, ratio: RatioSummary, parallel: set[str]) -> float:
    is_parallel = len(cell.roles) > 1 or not parallel.isdisjoint((*cell.roles, ratio.reference))
    return NARROW_IF_PARALLEL if is_parallel else NARROW
