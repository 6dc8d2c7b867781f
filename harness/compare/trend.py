"""Steps in a series of figures: from which run on is a row slower or faster than before?

A step is where the figures before and after it differ most, in units of their scatter. It counts if random orders of
the same figures show as large a difference in less than one of a hundred, and if it is larger than the margin.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .intervals import MARGIN

_LEAST_BEFORE, _LEAST_AFTER = 3, 3
_DRAWS = 200
_CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class TrendStep:
    """A change that lasts: the place of the first figure after it, and the factor from before to after."""

    place: int
    ratio: float


def find_steps(figures: Sequence[float]) -> list[TrendStep]:
    """Return the steps of a series of positive figures, in their order."""
    logs = [math.log(figure) for figure in figures if figure > 0]
    return _search(logs, 0) if len(logs) == len(figures) else []


def _search(logs: Sequence[float], offset: int) -> list[TrendStep]:
    if len(logs) < _LEAST_BEFORE + _LEAST_AFTER:
        return []
    place, found = _largest(logs)
    change = statistics.median(logs[place:]) - statistics.median(logs[:place])
    if abs(change) <= math.log1p(MARGIN) or not _is_more_than_chance(logs, found):
        return []
    step = TrendStep(place=offset + place, ratio=math.exp(change))
    return [*_search(logs[:place], offset), step, *_search(logs[place:], offset + place)]


def _largest(logs: Sequence[float]) -> tuple[int, float]:
    """Return the place where the means of both sides differ most, in units of their scatter."""
    total, squares, count = sum(logs), sum(value * value for value in logs), len(logs)
    best, before, place = 0.0, 0.0, _LEAST_BEFORE
    for index, value in enumerate(logs, 1):
        before += value
        if _LEAST_BEFORE <= index <= count - _LEAST_AFTER:
            after = total - before
            within = max(squares - before * before / index - after * after / (count - index), 1e-18)
            gap = abs(after / (count - index) - before / index)
            score = gap * math.sqrt(index * (count - index) / count) / math.sqrt(within / (count - 1))
            if score > best:
                best, place = score, index
    return place, best


def _is_more_than_chance(logs: Sequence[float], found: float) -> bool:
    source = random.Random(len(logs))  # noqa: S311 - the same answer whenever it is asked
    shuffled = list(logs)
    as_large = 0
    for _ in range(_DRAWS):
        source.shuffle(shuffled)
        as_large += _largest(shuffled)[1] >= found
    return as_large < _CHANCE * _DRAWS
