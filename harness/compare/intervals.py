"""How a metric differs between two backends, and how well that is known.

Each round gives one value of each backend; a pair of them shares what disturbed that round. So it is the ratios
within rounds that are summarised, by their median, with the exact distribution-free interval of a median: two order
statistics whose ranks come from the binomial distribution (W. J. Conover, Practical Nonparametric Statistics: the
confidence interval for a quantile). It assumes nothing of how the noise is distributed. Ratios are kept as logarithms,
so that twice as fast and half as fast are equally far from equal.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from harness.model import SpeedVerdict

MARGIN = 0.03
"""A smaller difference is no reason to choose a runtime."""
CONFIDENCE = 0.95
STRICT_CONFIDENCE = 0.99
MANY_BACKENDS = 4
"""From so many backends on, a row makes several comparisons, and each of them is held to the stricter confidence."""

INTERIM_ROUNDS = (10, 15, 20, 30, 40, 60)
"""Numbers of rounds after which a row is looked at, and never in between."""
NARROW = 0.02
"""Half-width of an interval that needs no more rounds."""

_SLIGHT = (SpeedVerdict.SLIGHTLY_FASTER, SpeedVerdict.SLIGHTLY_SLOWER)
_LARGEST_EXPONENT = 700.0
_LEAST_HALF_WIDTH = 1e-6


@dataclass(frozen=True, slots=True)
class Interval:
    """The median of a sample and the bounds between which that of its source lies with this confidence."""

    median: float
    low: float
    high: float
    confidence: float

    @property
    def half_width(self) -> float:
        """Half the distance of the bounds."""
        return (self.high - self.low) / 2


def pair_log_ratios(values: Mapping[int, float], reference: Mapping[int, float]) -> tuple[float, ...]:
    """Return log(value / reference) for each round that has both; a value that is not above zero has no logarithm."""
    return tuple(
        math.log(values[number]) - math.log(reference[number])
        for number in sorted(values.keys() & reference.keys())
        if values[number] > 0 and reference[number] > 0
    )


@lru_cache(maxsize=1024)
def find_rank(count: int, confidence: float) -> int:
    """Return the largest k for which the k-th smallest and the k-th largest of `count` values hold the median.

    That is, with at least this confidence: the median is below the k-th smallest if fewer than k values are below
    it, of which each is with probability one half. Returns 0 if even the extremes do not suffice.
    """
    # Whole numbers throughout: the powers of many rounds exceed the range of a float.
    allowed = (1 - Fraction(confidence).limit_denominator(10**6)) * 2**count
    rank, outside = 0, 0
    while rank < count // 2:
        outside += 2 * math.comb(count, rank)
        if outside > allowed:
            break
        rank += 1
    return rank


def estimate_median(sample: Sequence[float], confidence: float) -> Interval | None:
    """Return the exact interval of the median, or nothing if the sample is too small for this confidence."""
    rank = find_rank(len(sample), confidence)
    if rank == 0:
        return None
    ordered = sorted(sample)
    return Interval(statistics.median(ordered), ordered[rank - 1], ordered[-rank], confidence)


def estimate_ratio(log_ratios: Sequence[float], backends: int) -> Interval | None:
    """Return the interval that a verdict may rest on, or the ordinary one where the rounds do not suffice for it.

    Args:
        log_ratios: of the rounds.
        backends: how many are compared in the row.
    """
    return estimate_median(log_ratios, confidence_for(backends)) or estimate_median(log_ratios, CONFIDENCE)


def judge_log_ratios(
    log_ratios: Sequence[float], backends: int, *, higher_is_better: bool
) -> tuple[Interval, SpeedVerdict] | None:
    """Return the interval of the log-ratios of rounds and its verdict; nothing with too few rounds.

    A slight difference has no margin between it and none, so it is reported only if it holds at the stricter confidence
    too: a run makes many comparisons, and one in twenty of identical code would be called slightly different.

    Args:
        log_ratios: of the rounds.
        backends: how many are compared in the row.
        higher_is_better: whether a larger ratio is the better one.
    """
    interval = estimate_ratio(log_ratios, backends)
    if interval is None:
        return None
    verdict = judge_interval(interval, needed=confidence_for(backends), higher_is_better=higher_is_better)
    if verdict in _SLIGHT:
        strict = estimate_median(log_ratios, STRICT_CONFIDENCE)
        if strict is None or strict.low <= 0 <= strict.high:
            verdict = SpeedVerdict.INCONCLUSIVE
    return interval, verdict


def confidence_for(backends: int) -> float:
    """Return the confidence that a verdict needs in a row of so many backends."""
    return STRICT_CONFIDENCE if backends >= MANY_BACKENDS else CONFIDENCE


def judge_interval(
    interval: Interval, *, needed: float, higher_is_better: bool, margin: float = MARGIN
) -> SpeedVerdict:
    """Return the verdict of an interval of log-ratios.

    Args:
        interval: of the logarithm of the ratio.
        needed: the confidence below which there is no verdict.
        higher_is_better: whether a larger ratio is the better one.
        margin: a factor closer to one than this is none.
    """
    if interval.confidence < needed:
        return SpeedVerdict.INCONCLUSIVE
    low, high = (-interval.high, -interval.low) if higher_is_better else (interval.low, interval.high)
    edge = math.log1p(margin)
    if -edge < low and high < edge:
        return SpeedVerdict.EQUIVALENT
    if high < 0:
        return SpeedVerdict.FASTER if high < -edge else SpeedVerdict.SLIGHTLY_FASTER
    if low > 0:
        return SpeedVerdict.SLOWER if low > edge else SpeedVerdict.SLIGHTLY_SLOWER
    return SpeedVerdict.INCONCLUSIVE


def count_rounds_needed(interval: Interval, rounds: int, *, needed: float, margin: float = MARGIN) -> int:
    """Return about how many rounds would decide an inconclusive comparison, if the median stays where it is.

    The width of the interval goes with one over the root of the rounds. It has to leave out 1, or to fit into the
    margin, whichever is easier.
    """
    centre = abs(interval.median)
    room = max(centre, math.log1p(margin) - centre)
    wanted = rounds * (max(interval.half_width, _LEAST_HALF_WIDTH) / room) ** 2
    return max(math.ceil(wanted), rounds + 1, least_rounds(needed))


def least_rounds(confidence: float) -> int:
    """Return with how many rounds there is an interval of this confidence."""
    return next(count for count in range(2, 64) if find_rank(count, confidence))


def factor(logarithm: float) -> float:
    """Return the ratio of a logarithm, limited to the largest float."""
    return math.exp(max(-_LARGEST_EXPONENT, min(_LARGEST_EXPONENT, logarithm)))
