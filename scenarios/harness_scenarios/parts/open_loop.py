"""Start work on an absolute schedule in integer nanoseconds, however late the runtime's timers are.

Adding a pause to "now" drifts, and a clock that starts when a task runs hides the time for which it could not run
(coordinated omission). Here every operation has the time at which it is *due*, fixed before the first one starts.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Protocol

SECOND_NS = 1_000_000_000
ARRIVALS = ("fixed", "poisson")


class Sleeper(Protocol):
    """What pacing needs of a runtime."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""

    async def checkpoint(self) -> None:
        """Let other tasks run."""


def make_offsets(arrival: str, rate: float, length: float, seed: int) -> array[int]:
    """Return when each operation is due, in ns after the start, for one of `ARRIVALS`."""
    if arrival == "poisson":
        return poisson_offsets(rate, length, seed)
    return fixed_offsets(rate, length)


def fixed_offsets(rate: float, length: float) -> array[int]:
    """Return `rate * length` offsets in ns at equal distances.

    Each is computed from its index in exact integers, so that rounding an interval cannot add up to a drift.
    """
    numerator, denominator = rate.as_integer_ratio()
    count = int(rate * length + 1e-9)
    return array("q", (index * SECOND_NS * denominator // numerator for index in range(count)))


def poisson_offsets(rate: float, length: float, seed: int) -> array[int]:
    """Return the offsets in ns of a Poisson process of `rate` per second during `length` seconds."""
    from random import Random

    random = Random(f"poisson arrivals {seed}")  # noqa: S311 - a schedule that can be repeated, not a secret
    offsets = array("q")
    end_ns = int(length * SECOND_NS)
    due_ns = int(random.expovariate(rate) * SECOND_NS)
    while due_ns < end_ns:
        offsets.append(due_ns)
        due_ns += int(random.expovariate(rate) * SECOND_NS)
    return offsets


def burst_offsets(count: int) -> array[int]:
    """Return `count` offsets that are all due at once."""
    return array("q", bytes(8 * count))


async def launch_when_due(
    runtime: Sleeper,
    offsets: array[int],
    launch: Callable[[int], Awaitable[object]],
    *,
    start_ns: int,
    end_ns: int,
    clock: Callable[[], int] = perf_counter_ns,
) -> int:
    """Await `launch(index)` for each operation as soon as it is due; never before, and none after `end_ns`.

    Whatever became due while a timer was late is launched at once, so that a late timer makes a burst and no drift.

    Returns: the largest number launched at once.
    """
    total = len(offsets)
    launched = largest_burst = 0
    while launched < total and (now := clock()) < end_ns:
        early_ns = start_ns + offsets[launched] - now
        if early_ns > 0:
            await runtime.sleep(early_ns / SECOND_NS)
            continue
        first = launched
        while launched < total and start_ns + offsets[launched] <= now:
            await launch(launched)
            launched += 1
        largest_burst = max(largest_burst, launched - first)
        # Where spawning does not yield and the schedule is behind, nothing else would ever run.
        await runtime.checkpoint()
    return largest_burst
