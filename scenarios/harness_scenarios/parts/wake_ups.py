"""What sleepers say of their wake-ups, and what follows from many of them: lateness, drift, order, stalls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .timer_race import CLOCK_GRAIN

IN_ORDER = "as they were set"
REVERSED = "in reverse"
OTHERWISE = "in another order"


class WakeUp(NamedTuple):
    """One sleep that has ended. Seconds are on the runtime's clock, nanoseconds on the system's."""

    sleeper: int
    due: float
    asked: float
    """Seconds that were left until it was due; not positive if that was over before, and it did not sleep."""
    slept_ns: int
    woke: float
    woke_ns: int


def align_clock(wake_ups: Iterable[WakeUp]) -> tuple[float, float]:
    """Compare the runtime's clock with the system's, which is finer.

    A runtime's clock may count milliseconds, or be read once for each turn of a loop; then it is behind.

    Returns:
        What has to be added to the runtime's time to have the system's, and by how much the clock was behind at most,
        both in seconds.
    """
    offsets = [wake_up.woke_ns / 1e9 - wake_up.woke for wake_up in wake_ups]
    return min(offsets), max(offsets) - min(offsets)


def count_early(wake_ups: Iterable[WakeUp]) -> int:
    """Count the sleeps that ended before their time, by the runtime's own clock."""
    return sum(wake_up.woke < wake_up.due - CLOCK_GRAIN for wake_up in wake_ups)


def find_most_early(wake_ups: Iterable[WakeUp]) -> float:
    """Return by how many seconds, at most, a sleep was shorter than asked, by the system's clock; 0 if none was."""
    return max((wake_up.asked - wake_up.slept_ns / 1e9 for wake_up in wake_ups if wake_up.asked > 0), default=0.0)


def measure_lateness(wake_ups: Iterable[WakeUp], offset: float) -> list[int]:
    """Return for each wake-up the ns for which it was due, by the system's clock."""
    return [wake_up.woke_ns - round((wake_up.due + offset) * 1e9) for wake_up in wake_ups]


def measure_overlong(wake_ups: Iterable[WakeUp]) -> list[int]:
    """Return for each sleep the ns that it took longer than asked, by the system's clock."""
    return [wake_up.slept_ns - round(wake_up.asked * 1e9) for wake_up in wake_ups if wake_up.asked > 0]


def find_longest_stall(wake_ups: Iterable[WakeUp], offset: float) -> float:
    """Return the longest time in seconds during which some sleeper was due and none woke."""
    ordered = sorted(wake_ups, key=lambda wake_up: wake_up.woke_ns)
    earliest_due = float("inf")
    longest = 0.0
    for position in range(len(ordered) - 1, -1, -1):
        wake_up = ordered[position]
        earliest_due = min(earliest_due, wake_up.due + offset)  # of this one and those that woke later
        before = ordered[position - 1].woke_ns / 1e9 if position else earliest_due
        longest = max(longest, wake_up.woke_ns / 1e9 - max(before, earliest_due))
    return longest


def count_overtaken(wake_ups: Iterable[WakeUp]) -> int:
    """Count those, in order of waking, that woke after one that was due later."""
    latest = float("-inf")
    overtaken = 0
    for wake_up in wake_ups:
        overtaken += wake_up.due < latest - CLOCK_GRAIN
        latest = max(latest, wake_up.due)
    return overtaken


def name_order(set_up: Sequence[int], woken: Sequence[int]) -> str:
    """Say how the order of waking is related to that in which the timers were set."""
    if list(woken) == list(set_up):
        return IN_ORDER
    return REVERSED if list(woken) == list(reversed(set_up)) else OTHERWISE
