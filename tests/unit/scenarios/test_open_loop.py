"""The schedule is absolute and exact; what is late is launched at once, and nothing is launched early."""

from __future__ import annotations

import asyncio
from array import array
from itertools import pairwise

import pytest

from harness_scenarios.parts.open_loop import (
    SECOND_NS,
    burst_offsets,
    fixed_offsets,
    launch_when_due,
    make_offsets,
    poisson_offsets,
)

MILLISECOND_NS = 1_000_000


class FakeTime:
    """A clock that moves only when something sleeps, and a timer that fires on whole ticks."""

    def __init__(self, tick_ns: int = 1) -> None:
        self.now_ns = 0
        self.checkpoints = 0
        self._tick_ns = tick_ns

    def clock(self) -> int:
        """Return the time."""
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        """Move to the first tick that is not before the end of the sleep."""
        ticks = -(-(self.now_ns + round(seconds * SECOND_NS)) // self._tick_ns)
        self.now_ns = max(self.now_ns + 1, ticks * self._tick_ns)

    async def checkpoint(self) -> None:
        """Count."""
        self.checkpoints += 1


def run_schedule(time: FakeTime, offsets, *, end_ns=10 * SECOND_NS, launch_takes_ns=0):
    """Return the largest burst and when each operation was launched."""
    launched: list[tuple[int, int]] = []

    async def launch(index: int) -> None:
        launched.append((index, time.now_ns))
        time.now_ns += launch_takes_ns

    burst = asyncio.run(launch_when_due(time, offsets, launch, start_ns=0, end_ns=end_ns, clock=time.clock))
    return burst, launched


def test_fixed_offsets_are_at_equal_distances():
    """200 per second is one every 5 ms."""
    assert [index * 5 * MILLISECOND_NS for index in range(200)] == fixed_offsets(200, 1.0).tolist()


def test_fixed_offsets_never_drift():
    """A rate whose interval is no whole number of ns is still exact after a million operations."""
    offsets = fixed_offsets(3, 400_000.0)
    assert len(offsets) == 1_200_000
    assert offsets[3 * 333_333] == 333_333 * SECOND_NS


@pytest.mark.parametrize(("rate", "length", "count"), [(3, 1.0, 3), (1000, 0.5, 500), (10, 0.3, 3), (1, 0.5, 0)])
def test_fixed_offsets_count(rate, length, count):
    """The number due is rate times length, whatever the floats make of it."""
    assert count == len(fixed_offsets(rate, length))


def test_poisson_offsets_repeat_with_their_seed():
    """The same seed gives the same arrivals, another seed others."""
    assert poisson_offsets(1000, 1.0, 5) == poisson_offsets(1000, 1.0, 5)
    assert poisson_offsets(1000, 1.0, 5) != poisson_offsets(1000, 1.0, 6)
    assert poisson_offsets(1000, 1.0, 5) == make_offsets("poisson", 1000, 1.0, 5)


def test_poisson_offsets_have_the_rate_and_the_spread_of_the_process():
    """Mean gap 1/rate; the deviation of exponential gaps is their mean; nothing is due after the length."""
    offsets = poisson_offsets(1000, 100.0, 1)
    gaps = [after - before for before, after in pairwise(offsets)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(MILLISECOND_NS, rel=0.02)
    assert deviation == pytest.approx(mean, rel=0.03)
    assert max(offsets) < 100 * SECOND_NS


def test_burst_is_due_at_once():
    """All offsets are 0."""
    assert burst_offsets(4) == array("q", [0, 0, 0, 0])


def test_exact_timers_launch_one_at_a_time_when_due():
    """With a timer that is never late, each operation starts when it is due."""
    burst, launched = run_schedule(FakeTime(), fixed_offsets(200, 0.05))
    assert burst == 1
    assert [(index, index * 5 * MILLISECOND_NS) for index in range(10)] == launched


def test_coarse_timers_make_bursts_and_no_drift():
    """At 5000/s on a 1 ms timer five are launched together, never early, and never more than a tick late."""
    offsets = fixed_offsets(5000, 0.1)
    burst, launched = run_schedule(FakeTime(MILLISECOND_NS), offsets)
    assert burst == 5
    assert list(range(500)) == [index for index, _ in launched]
    assert all(0 <= at - offsets[index] < MILLISECOND_NS for index, at in launched)


def test_a_stall_is_caught_up_at_once():
    """After a launch that takes 100 ms the schedule goes on as if nothing had been; it is not pushed back."""
    time = FakeTime()
    launched: list[tuple[int, int]] = []

    async def launch(index: int) -> None:
        launched.append((index, time.now_ns))
        time.now_ns += 100 * MILLISECOND_NS if index == 3 else 0

    offsets = fixed_offsets(100, 0.2)
    burst = asyncio.run(launch_when_due(time, offsets, launch, start_ns=0, end_ns=SECOND_NS, clock=time.clock))
    assert burst == 10
    assert (14, 140 * MILLISECOND_NS) in launched
    assert launched[-1] == (19, 190 * MILLISECOND_NS)


def test_a_schedule_that_is_always_behind_lets_others_run_and_ends():
    """Where launching takes longer than the gaps there is a checkpoint after each batch, and an end."""
    time = FakeTime()
    _, launched = run_schedule(time, fixed_offsets(1000, 1.0), end_ns=SECOND_NS, launch_takes_ns=10 * MILLISECOND_NS)
    assert time.checkpoints > 1
    assert 0 < len(launched) < 1000
