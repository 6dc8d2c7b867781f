"""When timers fire: early or late, by whose clock, in which order, and for lengths of time that are no usual ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from harness.api import Capability, Harm, Runtime, Scenario, allowed, forbidden, info, interesting

from .question import NEVER_ENDS, Trial, make_question
from .stream_attempt import NEEDED, RETURNS, Attempt, attempt

_MODULE = "harness_scenarios.behaviours.timer"

# --- early or late ---

EARLY = "a timer fires early"
"""The symptom of timers that are rounded down."""

_SLEEPS = 40
_SLEEP_SECONDS = (0.001, 0.0045)
"""From and to. Seldom a whole number of milliseconds."""
_BUSY_SECONDS = 0.0009
"""Longest work between two sleeps, so that they begin anywhere between two ticks of a clock of milliseconds."""
_GRAIN = 2e-6
"""Seconds by which readings of one clock may differ without a meaning: they are sums of floats."""


async def _most_early(runtime: Runtime, trial: Trial, clock: Callable[[], float]) -> str:
    """Sleep many times; note by how much the earliest wake-up was early."""
    early = -math.inf
    for _ in range(_SLEEPS):
        seconds = trial.random.uniform(*_SLEEP_SECONDS)
        _work(trial.random.uniform(0, _BUSY_SECONDS))
        started = clock()
        await runtime.sleep(seconds)
        early = max(early, seconds - (clock() - started))
    trial.observe("earliest wake-up", early * 1e3)
    answer = "early" if early > _GRAIN else "never early"
    trial.step("sleeper", answer)
    return answer


def _work(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


async def ask_own_clock(runtime: Runtime, trial: Trial) -> str:
    """Sleep for fractions of milliseconds, by the runtime's clock."""
    return await _most_early(runtime, trial, runtime.now)


async def ask_system_clock(runtime: Runtime, trial: Trial) -> str:
    """Sleep for fractions of milliseconds, by the system's clock."""
    return await _most_early(runtime, trial, time.monotonic)


_EARLY = info("ms")

own_clock = make_question(
    ask_own_clock,
    side_by_side=False,
    name="timer.early-by-own-clock",
    question="Does a sleep end before its time by the runtime's own clock?",
    contract=("A sleep lasts not less than its time by `Runtime.now`.",),
    ref=f"{_MODULE}:own_clock",
    answers={
        "never early": allowed("a timer may be late, never early"),
        "early": forbidden("a timer fires before its time", "uvloop #739", harm=Harm.TIME, symptom=EARLY),
    },
    judges={"earliest wake-up": _EARLY},
    repetitions=1,
    catches=("timer-early",),
)

system_clock = make_question(
    ask_system_clock,
    side_by_side=False,
    name="timer.early-by-system-clock",
    question="Does a sleep end before its time by the system's monotonic clock?",
    contract=("A sleep lasts not less than its time.",),
    ref=f"{_MODULE}:system_clock",
    answers={
        "never early": allowed("a timer may be late, never early"),
        "early": forbidden(
            "rounded, or by a clock that is not read anew", "uvloop #739", harm=Harm.TIME, symptom=EARLY
        ),
    },
    judges={"earliest wake-up": _EARLY},
    repetitions=1,
    catches=("timer-early",),
)

_SHORT_SECONDS = 0.0003
_SHORT_SLEEPS = 30


async def ask_short_sleep(runtime: Runtime, trial: Trial) -> str:
    """Sleep for 0.3 ms many times; the shortest counts, so that load does not."""
    took = []
    for _ in range(_SHORT_SLEEPS):
        started = time.perf_counter()
        await runtime.sleep(_SHORT_SECONDS)
        took.append(time.perf_counter() - started)
    trial.observe("shortest sleep", min(took) * 1e3)
    answer = next(name for most, name in _SHORT if min(took) < most)
    trial.step("sleeper", answer)
    return answer


_SHORT = (
    (_SHORT_SECONDS / 2, "returns at once"),
    (_SHORT_SECONDS - _GRAIN, "a part of it"),
    (0.9e-3, "about right"),
    (math.inf, "a millisecond or more"),
)

short_sleep = make_question(
    ask_short_sleep,
    side_by_side=False,
    name="timer.short-sleep",
    question="How long is a sleep of 0.3 ms?",
    contract=("A sleep waits.",),
    ref=f"{_MODULE}:short_sleep",
    answers={
        "about right": allowed("the timer is as fine as the system's"),
        "a millisecond or more": interesting("whole milliseconds of epoll, rounded up", "epoll_wait(2)"),
        "returns at once": interesting(
            "rounded down to nothing: a pacing loop does not pace, it spins",
            "uvloop #482",
            harm=Harm.TIME,
            symptom=EARLY,
        ),
        "a part of it": interesting("shorter than asked for", harm=Harm.TIME, symptom=EARLY),
        NEVER_ENDS: forbidden("a short sleep lasts for ever"),
    },
    judges={"shortest sleep": info("ms")},
    repetitions=1,
)

# --- order ---

_SLEEPERS = 6
_APART_SECONDS = 0.0001
_AHEAD_SECONDS = 0.006
_ATTEMPTS = 5


class Alarm:
    """Tasks that wait for an absolute deadline each, begun in the order given."""

    def __init__(self, runtime: Runtime, deadlines: list[float]) -> None:
        self._runtime = runtime
        self._deadlines = deadlines
        self._never = runtime.create_event()
        self._armed: list[tuple[float, float]] = []
        self.woken: list[int] = []
        """The tasks, by index, in the order in which they woke."""

    async def ring(self) -> None:
        """Let every task wait and wake."""
        async with self._runtime.open_task_group() as group:
            for index, deadline in enumerate(self._deadlines):
                await group.spawn(self._wait, index, deadline)

    async def _wait(self, index: int, deadline: float) -> None:
        now = self._runtime.now
        began = now()
        async with self._runtime.open_cancel_scope(deadline=deadline):
            self._armed.append((began, now()))
            await self._never.wait()
        self.woken.append(index)

    @property
    def disturbed(self) -> bool:
        """Whether the machine was too slow: curio has relative timeouts only, so a pause moves its deadline."""
        slowest = max(end - began for began, end in self._armed)
        return slowest > _APART_SECONDS / 2 or max(end for _, end in self._armed) > min(self._deadlines)


async def _ring_undisturbed(runtime: Runtime, after: list[float]) -> list[int]:
    """Return the order in which tasks wake whose deadlines are these seconds ahead."""
    for _ in range(_ATTEMPTS):
        start = runtime.now() + _AHEAD_SECONDS
        alarm = Alarm(runtime, [start + seconds for seconds in after])
        await alarm.ring()
        if not alarm.disturbed:
            break
    return alarm.woken


async def ask_order(runtime: Runtime, trial: Trial) -> str:
    """Tasks begin, in a random order, to wait for deadlines that are 0.1 ms apart."""
    ranks = list(range(_SLEEPERS))
    while ranks == sorted(ranks):
        trial.random.shuffle(ranks)
    woken = await _ring_undisturbed(runtime, [rank * _APART_SECONDS for rank in ranks])
    answer = _name_order([ranks[index] for index in woken], ranks)
    trial.step("waiters", answer)
    return answer


def _name_order(woken: list[int], inserted: list[int]) -> str:
    if woken == sorted(woken):
        return "in order of deadline"
    return "in order of insertion" if woken == inserted else "in another order"


close_deadlines = make_question(
    ask_order,
    side_by_side=False,
    name="timer.close-deadlines",
    question="Do timers that are due 0.1 ms apart fire in order of their deadlines?",
    contract=("Every timer fires.",),
    ref=f"{_MODULE}:close_deadlines",
    answers={
        "in order of deadline": allowed("the earlier deadline is served first"),
        "in order of insertion": interesting(
            "rounded to the same millisecond", "libuv docs, uv_timer_t", harm=Harm.TIME
        ),
        "in another order": interesting(
            "timers that are due in the same pass run in any order", "trio #970", harm=Harm.TIME
        ),
        NEVER_ENDS: forbidden("a timer never fires"),
    },
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    repetitions=20,
)

_EQUAL = 10


async def ask_equal(runtime: Runtime, trial: Trial) -> str:
    """Ten tasks wait for one and the same deadline."""
    woken = await _ring_undisturbed(runtime, [0.0] * _EQUAL)
    answer = _name_equal(woken)
    trial.step("waiters", answer)
    return answer


def _name_equal(woken: list[int]) -> str:
    if woken == sorted(woken):
        return "in order of insertion"
    return "in reverse order of insertion" if woken == sorted(woken, reverse=True) else "in another order"


_UNDEFINED = "both are documented or undefined"

equal_deadlines = make_question(
    ask_equal,
    side_by_side=False,
    name="timer.equal-deadlines",
    question="In which order fire timers with the same deadline?",
    contract=("Every timer fires.",),
    ref=f"{_MODULE}:equal_deadlines",
    answers={
        "in order of insertion": allowed(_UNDEFINED, "asyncio docs, loop.call_at", harm=Harm.TIME),
        "in reverse order of insertion": interesting(_UNDEFINED, "asyncio docs, loop.call_at", harm=Harm.TIME),
        "in another order": interesting(_UNDEFINED, "asyncio docs, loop.call_at; trio #970", harm=Harm.TIME),
        NEVER_ENDS: forbidden("a timer never fires"),
    },
    requires=(Capability.CANCEL_SCOPE, Capability.DEADLINE),
    repetitions=10,
)

# --- unusual lengths ---

_LENGTH_ANSWERS = {
    "raises other": interesting("the runtime refuses a time that has no meaning"),
    "raises closed": forbidden("the error is about something else"),
}


async def _ask_long_sleep(runtime: Runtime, trial: Trial, seconds: float) -> str:
    """Sleep for longer than any program runs, and be cancelled."""
    sleeping = Attempt(runtime, trial, "sleeper")
    async with runtime.open_task_group() as group:
        await group.spawn(sleeping.make, f"sleeps for {seconds:g} s", runtime.sleep, seconds)
        await sleeping.settled()
        answer = sleeping.answer
        await group.cancel()
    return "waits until it is cancelled" if answer == NEVER_ENDS else answer


async def ask_forever(runtime: Runtime, trial: Trial) -> str:
    """Sleep for an infinite time."""
    return await _ask_long_sleep(runtime, trial, math.inf)


async def ask_years(runtime: Runtime, trial: Trial) -> str:
    """Sleep for a hundred years, which is more milliseconds than 32 bits hold."""
    return await _ask_long_sleep(runtime, trial, 100 * 365 * 86400.0)


sleep_forever = make_question(
    ask_forever,
    side_by_side=False,
    name="timer.sleep-forever",
    question="What does a sleep for an infinite time do?",
    contract=("A sleep that is refused says so; it does not return.",),
    ref=f"{_MODULE}:sleep_forever",
    answers={
        "waits until it is cancelled": allowed("infinity is a time like any other"),
        **_LENGTH_ANSWERS,
        RETURNS: forbidden("infinity is over at once"),
        NEVER_ENDS: forbidden("the sleep cannot be cancelled"),
    },
    requires=NEEDED,
    repetitions=1,
    catches=("long-sleep-returns",),
)

sleep_years = make_question(
    ask_years,
    side_by_side=False,
    name="timer.sleep-hundred-years",
    question="What does a sleep for a hundred years do?",
    contract=("A sleep that is refused says so; it does not return.",),
    ref=f"{_MODULE}:sleep_years",
    answers={
        "waits until it is cancelled": allowed("however long"),
        **_LENGTH_ANSWERS,
        RETURNS: forbidden("a hundred years are over at once: the time has overflowed"),
        NEVER_ENDS: forbidden("the sleep cannot be cancelled"),
    },
    requires=NEEDED,
    repetitions=1,
    catches=("long-sleep-returns",),
)


async def ask_negative(runtime: Runtime, trial: Trial) -> str:
    """Sleep for a time that is over, as `due - now` is when a task is late."""
    return (await attempt(runtime, trial, "sleeper", "sleeps for -1 s", runtime.sleep, -1.0)).answer


negative_sleep = make_question(
    ask_negative,
    side_by_side=False,
    name="timer.negative-sleep",
    question="What does a sleep for a negative time do?",
    contract=("A sleep until a time that is over ends.",),
    ref=f"{_MODULE}:negative_sleep",
    answers={
        RETURNS: allowed("the time is over"),
        "raises other": interesting("a task that is late by a microsecond gets an error: guard with max(0, ...)"),
        NEVER_ENDS: forbidden("a sleep until a time that is over lasts for ever"),
    },
    requires=NEEDED,
    repetitions=1,
    catches=("negative-sleep-never-ends",),
)


_OTHERS = 8
_OTHERS_SECONDS = 0.3
_OTHERS_TURNS = 300
"""Others that sleep for a millisecond get this much time and this many turns; they are waited for without a timer."""


async def ask_nan(runtime: Runtime, trial: Trial) -> str:
    """A task sleeps for a time that is not a number; others sleep for a millisecond."""
    sleeping = Attempt(runtime, trial, "sleeper")
    others = [Attempt(runtime, trial, "others") for _ in range(_OTHERS)]
    async with runtime.open_task_group() as group:
        await group.spawn(sleeping.make, "sleeps for nan s", runtime.sleep, math.nan)
        await sleeping.begun.wait()
        await runtime.checkpoint()
        for other in others:
            await group.spawn(other.make, "sleeps for a millisecond", runtime.sleep, 0.001)
        stopped = not await _all_end(runtime, others)
        answer = sleeping.answer
        await group.cancel()
    if stopped:
        return "other timers stop"
    return "waits" if answer == NEVER_ENDS else answer


async def _all_end(runtime: Runtime, attempts: list[Attempt]) -> bool:
    until, turns = time.perf_counter() + _OTHERS_SECONDS, 0
    while not all(other.ended for other in attempts):
        if turns > _OTHERS_TURNS and time.perf_counter() > until:
            return False
        turns += 1
        await runtime.checkpoint()
    return True


nan_sleep = make_question(
    ask_nan,
    side_by_side=False,
    name="timer.nan-sleep",
    question="What does a sleep for a time that is not a number do?",
    contract=("The other timers go on.",),
    ref=f"{_MODULE}:nan_sleep",
    answers={
        "raises other": allowed("the mistake is found where it is made", "gh-105331"),
        "waits": interesting("a mistake in a sum becomes a task that sleeps for ever", "gh-105331"),
        RETURNS: interesting("a mistake in a sum becomes no sleep at all"),
        "other timers stop": forbidden(
            "nothing is less than nan: what lies behind it in the heap of timers does not fire", "gh-105331"
        ),
        NEVER_ENDS: forbidden("the sleep cannot be cancelled"),
    },
    requires=NEEDED,
    repetitions=1,
    catches=("timers-stop-at-nan",),
)

SCENARIOS: tuple[Scenario, ...] = (
    own_clock,
    system_clock,
    short_sleep,
    close_deadlines,
    equal_deadlines,
    sleep_forever,
    sleep_years,
    negative_sleep,
    nan_sleep,
)
