"""How quiet is this machine? The same small piece of work again and again, and how unevenly long it takes.

The answer is shown beside figures and has no part in them: intervals include the effects of the machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from time import perf_counter_ns

import msgspec

SECONDS = 5.0
_WORK = 20_000
"""Turns of a loop in a piece: some tenths of a millisecond, shorter than a time slice of the kernel."""
_FEWEST = 20
"""Pieces, however little time there is."""
_TICKS = 20
_SLOWED = 1.5
"""From this factor of the median on, something else had the CPU during a piece."""
_GRADES = ((0.05, 0.02, "quiet"), (0.15, 0.10, "fair"))
"""Spread and share of time lost up to which a machine has this grade."""
NOISY = "noisy"


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a probe."""

    grade: str
    """`quiet`, `fair` or `noisy`."""
    spread: float
    """By how much the slowest tenth of the pieces takes longer than the middle one, as a share of it."""
    lost: float
    """Share of the time that went to other work, while the piece should have run."""
    seconds: float
    """How long was looked."""

    @property
    def text(self) -> str:
        """Grade and reasons, on one line."""
        spread, lost = 100 * self.spread, 100 * self.lost
        return f"{self.grade} (p90 {spread:.0f} % above the median, {lost:.0f} % of time lost to stalls)"


def probe_noise(
    seconds: float = SECONDS,
    tick: Callable[[float], None] = lambda _share: None,
    clock_ns: Callable[[], int] = perf_counter_ns,
) -> Noise:
    """Return how evenly one thread gets on.

    Args:
        seconds: how long to look.
        tick: is called now and then with the share of that time that is over.
        clock_ns: what tells the time.
    """
    return judge_pieces([duration / 1e9 for duration in _durations_ns(seconds, tick, clock_ns)])


def judge_pieces(durations: Sequence[float]) -> Noise:
    """Return the noise shown by the durations of equal pieces of work, at least two of them."""
    middle = statistics.median(durations)
    spread = statistics.quantiles(durations, n=10)[-1] / middle - 1
    lost = sum(duration - middle for duration in durations if duration > _SLOWED * middle) / sum(durations)
    grade = next((name for most, most_lost, name in _GRADES if spread <= most and lost <= most_lost), NOISY)
    return Noise(grade=grade, spread=spread, lost=lost, seconds=sum(durations))


def _durations_ns(seconds: float, tick: Callable[[float], None], clock_ns: Callable[[], int]) -> Iterator[int]:
    began = before = clock_ns()
    shares = iter(range(1, _TICKS))
    due = next(shares) / _TICKS
    for number in count():
        share = (before - began) / 1e9 / seconds
        if share >= 1 and number >= _FEWEST:
            return
        if share >= due:
            tick(share)
            due = next(shares, _TICKS) / _TICKS
            before = clock_ns()  # time of the listener is no noise
        for _ in range(_WORK):
            pass
        now = clock_ns()
        yield now - before
        before = now
