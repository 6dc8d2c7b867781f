"""How often do we err? The whole procedure, replayed on processes of one and the same program.

The truth is known: two labels that were dealt at random among identical processes do not differ, and if the figures
of one are multiplied by 1.05 they differ by 5 %. Whatever the machine did meanwhile is in the data, and so is its part
in the errors.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence

import msgspec

from harness.model import SpeedVerdict

from .intervals import INTERIM_ROUNDS, NARROW, Interval, judge_log_ratios

ARMS = 3
"""Processes of a round; two of them are compared, as in a row of so many backends."""
MOST_FALSE = 0.075
"""Share of replays in which identical code may be called different; 5 % is promised, the rest is chance."""
LEAST_COVERED = 0.93
PROMISED = "5 %"
"""The difference that has to be found."""
LEAST_FOUND = 0.95
"""Share of replays in which it has to be, where nothing but the program takes time."""
_BLOCK = 20
"""Processes of each side in the procedure that is shown beside ours."""
_NOMINAL = 0.05
"""Promises of that procedure."""
_DIFFERENT = (
    SpeedVerdict.FASTER,
    SpeedVerdict.SLOWER,
    SpeedVerdict.SLIGHTLY_FASTER,
    SpeedVerdict.SLIGHTLY_SLOWER,
)
_INJECTED = (1.02, 1.05, 1.10)


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """Results of the replays; shares are of all replays."""

    processes: int
    replays: int
    false_positives: float
    """Identical code called different."""
    covered: float
    """The interval held the truth."""
    rounds: float
    """Median of the rounds until the interval was narrow, or the data ended."""
    found: dict[str, float]
    """By injected difference (`5 %`), how often it was called slower."""
    false_positives_blocked: float | None = None
    """The same data, one side after the other, with a t-test over all values; nothing where no library computes it."""
    least_found: float = LEAST_FOUND
    """How often the promised difference has to be found; 0 where that is not promised."""

    @property
    def passed(self) -> bool:
        """Whether the errors are as few as promised."""
        is_found = self.found.get(PROMISED, 1.0) >= self.least_found
        return is_found and self.false_positives <= MOST_FALSE and self.covered >= LEAST_COVERED


def replay(values: Sequence[float], *, replays: int, seed: int = 0, least_found: float = LEAST_FOUND) -> SelfTest:
    """Return how often the procedure errs on these figures of identical processes, in the order of their execution.

    Args:
        values: the figures.
        replays: how often labels are dealt.
        seed: of the labels.
        least_found: how often the promised difference has to be found.

    Raises:
        ValueError: there are too few processes for the first look, or a figure has no logarithm.
    """
    if len(values) < max(ARMS * INTERIM_ROUNDS[0], 2 * _BLOCK) or min(values) <= 0:
        raise ValueError(
            f"cannot replay {len(values)} figures; it takes {max(ARMS * INTERIM_ROUNDS[0], 2 * _BLOCK)} above zero"
        )
    logs = [math.log(value) for value in values]

    def run_all(factor: float) -> list[_End]:
        return [_run_procedure(logs, source, math.log(factor)) for source in _sources(replays, seed)]

    ends = run_all(1.0)
    return SelfTest(
        processes=len(values),
        replays=replays,
        false_positives=_share(ends, lambda end: end[1] in _DIFFERENT),
        covered=_share(ends, lambda end: end[0].low <= 0 <= end[0].high),
        rounds=statistics.median(end[2] for end in ends),
        found={_percent(factor): _share(run_all(factor), _is_called_slower) for factor in _INJECTED},
        false_positives_blocked=_false_positives_blocked(values, replays, seed),
        least_found=least_found,
    )


_End = tuple[Interval, SpeedVerdict, int]


def _sources(replays: int, seed: int) -> Iterator[random.Random]:
    return (random.Random(f"{seed}/{number}") for number in range(replays))  # noqa: S311 - labels, not secrets


def _percent(factor: float) -> str:
    return f"{round((factor - 1) * 100)} %"


def _is_called_slower(end: _End) -> bool:
    return end[1] in (SpeedVerdict.SLOWER, SpeedVerdict.SLIGHTLY_SLOWER)


def _share(ends: Sequence[_End], holds: Callable[[_End], bool]) -> float:
    return sum(map(holds, ends)) / len(ends)


def _run_procedure(logs: Sequence[float], source: random.Random, injected: float) -> _End:
    """Deal labels at random, look after fixed numbers of rounds, stop when the interval is narrow."""
    rounds = [logs[start : start + ARMS] for start in range(0, len(logs) - ARMS + 1, ARMS)]
    first = source.randrange(len(rounds))
    pairs = []
    for number in range(len(rounds)):
        one, other = source.sample(rounds[(first + number) % len(rounds)], 2)
        pairs.append(one - other + injected)
    looks = [look for look in INTERIM_ROUNDS if look <= len(pairs)]
    for look in looks:
        judged = judge_log_ratios(pairs[:look], ARMS, higher_is_better=False)
        assert judged is not None
        if judged[0].half_width <= math.log1p(NARROW) or look == looks[-1]:
            return *judged, look
    raise AssertionError("there is a last look")


def _false_positives_blocked(values: Sequence[float], replays: int, seed: int) -> float | None:
    """Measure one side after the other and apply Welch's t-test at 5 %, as the usual tool does."""
    try:
        from scipy.stats import ttest_ind
    except ImportError:
        return None  # an optional dependency, for this figure only

    def is_called_different(source: random.Random) -> bool:
        first = source.randrange(len(values) - 2 * _BLOCK + 1)
        one, other = values[first : first + _BLOCK], values[first + _BLOCK : first + 2 * _BLOCK]
        if len({*one, *other}) <= 2:  # without any scatter there is no t
            return statistics.fmean(one) != statistics.fmean(other)
        return bool(ttest_ind(one, other, equal_var=False).pvalue < _NOMINAL)

    return statistics.fmean(is_called_different(source) for source in _sources(replays, seed))
