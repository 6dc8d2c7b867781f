"""timers: pacing and sleep precision, alone and in a crowd.

Question: how late do sleepers wake, does a rhythm drift, and in which order do timers fire that are due at once?

Contract: no sleep ends early, by the runtime's own clock (`Runtime.now`); every sleeper wakes as often as it sleeps;
a timer is not coarser than some milliseconds.

`kind` is the question:

- `pacing`: every sleeper wakes once each interval.
- `sleepers`: every sleeper sleeps for a number of intervals that is drawn anew each time, between 1 and 10.
- `equal`: all sleepers wait for the very same deadline, round after round.

With `schedule=absolute` a sleeper sleeps until a time that was fixed before the first sleep; with `accumulated` it
sleeps for an interval from whenever it woke, as a program does that adds a pause to "now": what each sleep lasts too
long adds up to the drift.

Lateness is measured by the system's clock: of an absolute schedule from the time at which the wake-up was due, of an
accumulated one from the time at which the sleep should have ended. The intervals of the presets `quick` and `default`
are whole milliseconds. Shorter ones are asked for in `thorough`: a runtime whose clock counts milliseconds rounds
them, and returns too early.

The longest stall is the longest time during which a sleeper was due and none woke. No heartbeat looks for it: one
that is always ready would keep the scheduler from the very sleep that is measured.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from random import Random
from time import perf_counter_ns, process_time_ns

from harness.api import (
    Capability,
    Judge,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    Value,
    allowed,
    bounded,
    info,
    interesting,
    metric,
    outcomes,
)
from harness_scenarios.parts import wake_ups as results
from harness_scenarios.parts.percentiles import compute_percentiles, distribute, distribution_chart
from harness_scenarios.parts.wake_ups import WakeUp

_MOST_INTERVALS = 10
_PERCENTILES = ("p50", "p99", "max")
_LONE_SLEEPS = 20
_LONE_SECONDS = 0.001


async def main(runtime: Runtime, probe: Probe) -> None:
    """Sleep alone to see how fine the timer is, then let the cell's sleepers sleep."""
    await _look_at_grain(runtime, probe)
    crowd = (_EqualDeadlines if probe.parameters["kind"] == "equal" else _Pace)(runtime, probe)
    await crowd.run()
    crowd.report()


async def _look_at_grain(runtime: Runtime, probe: Probe) -> None:
    # The shortest of them: on a busy machine each of the others may be late by any time.
    shortest_ns = _LONE_SLEEPS * 1_000_000_000
    for _ in range(_LONE_SLEEPS):
        start_ns = perf_counter_ns()
        await runtime.sleep(_LONE_SECONDS)
        shortest_ns = min(shortest_ns, perf_counter_ns() - start_ns)
        probe.advance()
    probe.observe("least lateness of a lone sleep (ms)", shortest_ns / 1e6 - _LONE_SECONDS * 1e3)


class _StartingLine:
    """Where tasks wait until all of them are there. Safe between threads: `append` is atomic."""

    def __init__(self, runtime: Runtime, number: int) -> None:
        self._number = number
        self._here: list[bool] = []
        self._all_here = runtime.create_event()
        self._go = runtime.create_event()

    async def wait(self) -> None:
        """Wait, as one of the tasks."""
        self._here.append(True)
        if len(self._here) == self._number:
            await self._all_here.set()
        await self._go.wait()

    async def open_when_all_are_here(self, note_start: Callable[[], None]) -> None:
        """Wait for all, call a function and let them go."""
        await self._all_here.wait()
        note_start()
        await self._go.set()


class _Crowd:
    """Sleepers and their wake-ups. Safe between threads: they share only lists, to which they append."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self.runtime = runtime
        self.probe = probe
        self.interval: float = probe.parameters["interval"] / 1e3
        self.sleepers: int = probe.parameters["sleepers"]
        self.ticks: int = probe.parameters["ticks"]
        self.wake_ups: list[WakeUp] = []
        """In the order of waking."""
        self.start = 0.0
        """When the sleepers were last let go, by the runtime's clock."""
        self._cpu_ns = 0

    async def let_all(self, sleep: Callable[[int], Awaitable[None]]) -> None:
        """Let all sleepers begin together, and wait for their end."""
        line = _StartingLine(self.runtime, self.sleepers)

        async def begin(index: int) -> None:
            await line.wait()
            await sleep(index)

        async with self.runtime.open_task_group() as group:
            for index in range(self.sleepers):
                await group.spawn(begin, index)
            await line.open_when_all_are_here(self._note_start)
        self._cpu_ns += process_time_ns()

    def _note_start(self) -> None:
        self._cpu_ns -= process_time_ns()
        self.start = self.runtime.now()

    async def sleep_until(self, index: int, due: float, asked: float) -> None:
        """Sleep for the seconds that are left until `due`, or not at all, and note the wake-up."""
        runtime = self.runtime
        start_ns = perf_counter_ns()
        await (runtime.sleep(asked) if asked > 0 else runtime.checkpoint())
        self.note(index, due, asked, start_ns)

    def note(self, index: int, due: float, asked: float, start_ns: int) -> None:
        """Note a wake-up."""
        woke = self.runtime.now()
        woke_ns = perf_counter_ns()  # second, so that a pause between the two makes no other wake-up look late
        self.wake_ups.append(WakeUp(index, due, asked, woke_ns - start_ns, woke, woke_ns))
        self.probe.advance()

    def report(self) -> None:
        """Observe the quantities that the contract limits, and the costs."""
        observe, wake_ups = self.probe.observe, self.wake_ups
        observe("wake-ups", len(wake_ups))
        observe("wake-ups missing", self.sleepers * self.ticks - len(wake_ups))
        observe("wake-ups early by the runtime's clock", results.count_early(wake_ups))
        observe("most early by the system's clock", max(0.0, results.find_most_early(wake_ups) * 1e6))
        if wake_ups:
            observe("CPU per wake-up", self._cpu_ns / 1e3 / len(wake_ups))
            offset, behind = results.align_clock(wake_ups)
            observe("most that the runtime's clock was behind", behind * 1e6)
            observe("longest stall", results.find_longest_stall(wake_ups, offset) * 1e3)
            self.report_times(offset)

    def report_times(self, offset: float) -> None:
        """Observe what follows from the times of the wake-ups; there is at least one."""
        self.report_lateness(results.measure_lateness(self.wake_ups, offset))

    def report_lateness(self, late_ns: list[int]) -> None:
        """Observe the percentiles that the sample can hold."""
        found = compute_percentiles(late_ns)
        for name in _PERCENTILES:
            if name in found:
                self.probe.observe(f"lateness {name}", found[name] / 1e3)
        self.probe.observe("lateness samples", len(late_ns))
        self.probe.observe("lateness distribution", distribute(max(late, 0) for late in late_ns))


# --- pacing, and many sleepers ---


class _Pace(_Crowd):
    """Sleepers with a schedule each."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        super().__init__(runtime, probe)
        self._absolute = probe.parameters["schedule"] == "absolute"
        self._ends: list[tuple[float, int]] = []
        """For each sleeper the end of its schedule if nothing is late, and the system's time at which it ended."""

    async def run(self) -> None:
        """Let all sleep to the end of their schedules."""
        await self.let_all(self._keep_absolute if self._absolute else self._keep_accumulated)

    async def _keep_absolute(self, index: int) -> None:
        start = now = self.runtime.now()
        count = 0
        for intervals in self._draw_steps(index):
            count += intervals
            due = start + count * self.interval
            await self.sleep_until(index, due, due - now)
            now = self.runtime.now()
        self._ends.append((start + count * self.interval, perf_counter_ns()))

    async def _keep_accumulated(self, index: int) -> None:
        start = now = self.runtime.now()
        count = 0
        for intervals in self._draw_steps(index):
            count += intervals
            await self.sleep_until(index, now + intervals * self.interval, intervals * self.interval)
            now = self.runtime.now()
        self._ends.append((start + count * self.interval, perf_counter_ns()))

    def _draw_steps(self, index: int) -> Iterator[int]:
        if self.probe.parameters["kind"] == "pacing":
            return iter([1] * self.ticks)
        random = Random(f"sleeper {index} {self.probe.seed}")  # noqa: S311 - a draw that can be repeated, not a secret
        return iter([random.randint(1, _MOST_INTERVALS) for _ in range(self.ticks)])

    def report_times(self, offset: float) -> None:
        """Observe lateness, drift and order."""
        observe, wake_ups = self.probe.observe, self.wake_ups
        if self._absolute:
            self.report_lateness(results.measure_lateness(wake_ups, offset))
            observe("ticks that were over before their sleep", sum(wake_up.asked <= 0 for wake_up in wake_ups))
        else:
            self.report_lateness(results.measure_overlong(wake_ups))
        if self._ends:
            behind = [ended_ns / 1e9 - offset - planned for planned, ended_ns in self._ends]
            observe("drift per tick", sum(behind) / len(behind) / self.ticks * 1e6)
        observe("overtaken by one that was due later", results.count_overtaken(wake_ups) / len(wake_ups) * 100)


# --- equal deadlines ---


class _EqualDeadlines(_Crowd):
    """One deadline for all. A scope has it: two calls of `sleep` never set the same time."""

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        super().__init__(runtime, probe)
        self._never = runtime.create_event()
        self._set: list[int] = []
        """The sleepers of a round in the order in which they have set the deadline."""

    async def run(self) -> None:
        """Let all wait for the deadline of each round, and say in which order they woke."""
        for number in range(self.ticks):
            self._set.clear()
            await self.let_all(self._wait)
            self._report_order(self.wake_ups[number * self.sleepers :])

    async def _wait(self, index: int) -> None:
        runtime = self.runtime
        due = self.start + self.interval
        start_ns, asked = perf_counter_ns(), due - runtime.now()
        self._set.append(index)
        async with runtime.open_cancel_scope(deadline=due):
            await self._never.wait()
        self.note(index, due, asked, start_ns)

    def _report_order(self, woken: list[WakeUp]) -> None:
        # A deadline that was over when it was set says nothing of the order of timers.
        if all(wake_up.asked > 0 for wake_up in woken):
            order = results.name_order(self._set, [wake_up.sleeper for wake_up in woken])
            self.probe.observe("equal deadlines fire", order)
        else:
            self.probe.observe("rounds that began too late", 1)


# --- declaration ---

_UNDEFINED = "the order of timers that are due at once is undefined, or documented as any"

_JUDGES: dict[str, Judge] = {
    "lateness p50": metric("µs"),
    "lateness p99": metric("µs"),
    "lateness max": metric("µs"),
    "lateness samples": info(),
    "lateness distribution": info(),
    "drift per tick": metric("µs"),
    "longest stall": metric("ms"),
    "CPU per wake-up": metric("µs"),
    "wake-ups": info(),
    "wake-ups missing": bounded(at_least=0, at_most=0, reason="every sleep ends, once"),
    "wake-ups early by the runtime's clock": bounded(
        at_most=0,
        reason="a sleep lasts not less than its time, by the runtime's own clock",
        reference="uvloop #739, BEHAVIOURS T01, T02",
    ),
    "most early by the system's clock": info("µs"),
    "most that the runtime's clock was behind": info("µs"),
    "least lateness of a lone sleep (ms)": bounded(
        at_most=5,
        reason=f"of {_LONE_SLEEPS} sleeps of {_LONE_SECONDS * 1e3:g} ms the shortest shows how coarse the timer is, "
        "however busy the machine; the coarsest in use, epoll's, counts milliseconds",
        reference="epoll_wait(2)",
    ),
    "ticks that were over before their sleep": info(),
    "overtaken by one that was due later": info("%"),
    "equal deadlines fire": outcomes(
        {
            results.IN_ORDER: allowed(_UNDEFINED, "BEHAVIOURS T04"),
            results.REVERSED: interesting(_UNDEFINED, "BEHAVIOURS T04"),
            results.OTHERWISE: interesting(_UNDEFINED, "BEHAVIOURS T04"),
        }
    ),
    "rounds that began too late": info(),
}

_KINDS = ("pacing", "sleepers", "equal")
_SCHEDULES = ("absolute", "accumulated")

_PARAMETERS = (
    Parameter(name="kind", default="pacing", summary="which property of timers", choices=_KINDS),
    Parameter(
        name="interval",
        default=1.0,
        summary="time from a tick to the next; of equal deadlines, from their setting",
        unit="ms",
        at_least=0.01,
        at_most=500,
    ),
    Parameter(
        name="schedule",
        default="absolute",
        summary="sleep until a fixed time, or for an interval from whenever it woke",
        choices=_SCHEDULES,
    ),
    Parameter(name="sleepers", default=1, summary="tasks that sleep", at_least=1),
    Parameter(name="ticks", default=200, summary="sleeps of each task; of equal deadlines, rounds", at_least=1),
)


def _pace(interval: float, ticks: int, schedule: str = "absolute", sleepers: int = 1) -> dict[str, Value]:
    return {"kind": "pacing", "interval": interval, "schedule": schedule, "sleepers": sleepers, "ticks": ticks}


def _crowd(interval: float, sleepers: int, ticks: int) -> dict[str, Value]:
    return {"kind": "sleepers", "interval": interval, "schedule": "absolute", "sleepers": sleepers, "ticks": ticks}


def _equal(interval: float, sleepers: int, rounds: int) -> dict[str, Value]:
    return {"kind": "equal", "interval": interval, "sleepers": sleepers, "ticks": rounds}


timers = Scenario(
    name="timers",
    question="How late do sleepers wake, does a rhythm drift, and in which order do timers fire that are due at once?",
    contract=(
        "No sleep ends early, by the runtime's own clock.",
        "Every sleeper wakes as often as it sleeps.",
        "A timer is not coarser than 5 ms.",
    ),
    ref="harness_scenarios.load.timers:timers",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="lateness p50",
    charts=(distribution_chart("lateness"),),
    rows={
        "quick": (_pace(2.0, 50), _equal(10.0, 50, 5)),
        "default": (
            _pace(1.0, 200),
            _pace(1.0, 200, "accumulated"),
            _crowd(5.0, 200, 5),
            _equal(20.0, 100, 10),
        ),
        "thorough": (
            *(_pace(interval, 500, schedule) for interval in (0.1, 0.4, 1.0, 10.0) for schedule in _SCHEDULES),
            _pace(50.0, 40),
            _crowd(10.0, 1, 40),
            _crowd(10.0, 100, 10),
            _crowd(10.0, 1000, 10),
            _equal(20.0, 100, 20),
            _equal(200.0, 1000, 10),
        ),
        "stress": (_pace(0.1, 20_000), _pace(1.0, 20_000), _crowd(50.0, 10_000, 2), _equal(20.0, 100, 500)),
    },
    requires=(Capability.DEADLINE,),
    timeout=60.0,
    hang_after=10.0,
    summary="sleep alone and in a crowd: how late, with what drift, and in which order timers fire",
    catches=("timer-early", "timer-rounds-up", "deadline-early", "exits-silently"),
)
