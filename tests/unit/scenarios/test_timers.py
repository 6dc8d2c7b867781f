"""Sleepers wake on time or late, never early; a timer that is early, coarse or forgotten is seen."""

from __future__ import annotations

import asyncio
import math

import pytest

from harness.testing.fake_clock import FakeClock
from harness.testing.wrapping import Wrapped
from harness_saboteurs import FAULTS
from harness_scenarios.load import timers as module
from harness_scenarios.load.timers import timers
from harness_scenarios.parts.wake_ups import (
    IN_ORDER,
    OTHERWISE,
    REVERSED,
    WakeUp,
    align_clock,
    count_early,
    count_overtaken,
    find_longest_stall,
    find_most_early,
    measure_lateness,
    measure_overlong,
    name_order,
)

PACING = {"kind": "pacing", "interval": 1.0, "ticks": 25}
ACCUMULATED = {**PACING, "schedule": "accumulated"}
SLEEPERS = {"kind": "sleepers", "interval": 1.0, "sleepers": 20, "ticks": 2}
EQUAL = {"kind": "equal", "interval": 20.0, "sleepers": 10, "ticks": 3}
ROWS = (PACING, ACCUMULATED, SLEEPERS, EQUAL)
IDS = ("pacing", "accumulated", "sleepers", "equal")

EARLY = "wake-ups early by the runtime's clock"
MISSING = "wake-ups missing"
COARSE = "least lateness of a lone sleep (ms)"


def make_wake_up(due, woke, *, sleeper=0, slept=None, offset=0.0):
    """Return a wake-up from seconds on a runtime's clock that is `offset` behind the system's."""
    asked = 1.0
    slept = woke - due + asked if slept is None else slept
    return WakeUp(sleeper, due, asked, round(slept * 1e9), woke, round((woke + offset) * 1e9))


# --- healthy ---


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_no_sleep_is_early_on_each_backend(run_roles, backend, row):
    """In whole milliseconds nothing is missing or early, and progress counts every sleep."""
    report = run_roles(timers, row, backend=backend)
    planned = row.get("sleepers", 1) * row["ticks"]
    assert (report.errors, report.violations) == ({}, set())
    assert (report["wake-ups"], report[MISSING], report["lateness samples"]) == (planned, 0, planned)
    # Also on a clock that counts milliseconds, of which the system's is some part of one ahead.
    assert report["lateness max"] >= report["lateness p50"] > (-1000 if row is ACCUMULATED else -1)
    assert report["longest stall"] > 0
    # Two threads may lose an increment of a counter to each other.
    assert report.progress["main"] == 20 + planned or backend == "threads"


def test_fractions_of_milliseconds(run_roles, backend):
    """A loop that counts milliseconds, uvloop, returns at once (uvloop #739); on the others no sleep is early."""
    row = {"kind": "pacing", "interval": 0.4, "ticks": 25, "schedule": "accumulated"}
    report = run_roles(timers, row, backend=backend)
    assert report.errors == {}
    assert report.violations == ({EARLY} if backend == "uvloop" else set())
    assert (report["most early by the system's clock"] > 0) == (backend == "uvloop")


def test_equal_deadlines_have_an_order_for_each_round(run_roles):
    """Each round is named, or it began too late on a busy machine."""
    report = run_roles(timers, EQUAL)
    late = report.values.get("rounds that began too late", [])
    assert len(report.values.get("equal deadlines fire", [])) + len(late) == 3


@pytest.mark.parametrize("order", [IN_ORDER, REVERSED, OTHERWISE])
def test_an_order_of_equal_deadlines_is_named(run_roles, order):
    """A runtime that lets the waiters go in an order of its own."""
    sleepers = 4
    turns = {IN_ORDER: [0, 1, 2, 3], REVERSED: [3, 2, 1, 0], OTHERWISE: [1, 0, 2, 3]}[order]

    class TurnScope(Wrapped):
        def __init__(self, inner, events, number):
            super().__init__(inner)
            self.events, self.number = events, number

        async def __aenter__(self):
            return await self.inner.__aenter__()

        async def __aexit__(self, *exc):
            caught = await self.inner.__aexit__(*exc)
            await self.events[self.number].wait()
            position = turns.index(self.number) + 1
            if position < sleepers:
                await self.events[turns[position]].set()
            return caught

    class TurnRuntime(Wrapped):
        scopes = 0

        def __init__(self, inner):
            super().__init__(inner)
            self.events = [inner.create_event() for _ in range(sleepers)]

        def open_cancel_scope(self, **options):
            scope = TurnScope(self.inner.open_cancel_scope(**options), self.events, self.scopes)
            self.scopes += 1
            if self.scopes == sleepers:
                self.first = asyncio.ensure_future(self.events[turns[0]].set())
            return scope

    row = {**EQUAL, "interval": 150.0, "sleepers": sleepers, "ticks": 1}
    report = run_roles(timers, row, wrap={"main": TurnRuntime})
    assert report["equal deadlines fire"] == order


def test_the_same_seed_draws_the_same_sleeps(run_roles):
    """So that all backends of a round do the same; another seed draws others."""

    def draw(seed):
        asked = []

        class ListeningRuntime(Wrapped):
            async def sleep(self, seconds):
                asked.append(round(seconds, 4))
                await self.inner.sleep(0)

        row = {"kind": "sleepers", "interval": 1.0, "sleepers": 3, "ticks": 5, "schedule": "accumulated"}
        run_roles(timers, row, wrap={"main": ListeningRuntime}, seed=seed)
        return asked[20:]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert {round(seconds * 1000) for seconds in draw(1)} <= set(range(1, 11))


@pytest.mark.parametrize("preset", ["quick", "default"])
def test_presets_that_healthy_runtimes_pass_ask_for_whole_milliseconds(preset):
    """A runtime whose clock counts milliseconds is early otherwise; that is asked in thorough."""
    assert all(row["interval"].is_integer() for row in timers.preset_rows(preset))
    assert any(row["interval"] < 1 for row in timers.preset_rows("thorough"))


# --- saboteurs ---


@pytest.mark.parametrize("row", [PACING, SLEEPERS], ids=["pacing", "sleepers"])
def test_a_timer_that_fires_early(run_roles, backend, row):
    """Sleeps that last half of their time."""
    row = {**row, "interval": 20.0, "ticks": 8}  # so that a busy machine does not make up for the half that is missing
    report = run_roles(timers, row, wrap={"main": FAULTS["timer-early"].runtime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {EARLY})
    assert report["most early by the system's clock"] > 0


def test_one_early_sleep_among_many(run_roles, backend):
    """The one that does not wait is counted."""

    class OnceHastyRuntime(Wrapped):
        sleeps = 0

        async def sleep(self, seconds):
            self.sleeps += 1
            await self.inner.sleep(0 if self.sleeps == 21 else seconds)

    row = {**ACCUMULATED, "interval": 100.0, "ticks": 2}
    report = run_roles(timers, row, wrap={"main": OnceHastyRuntime}, backend=backend)
    assert (report.violations, report[EARLY]) == ({EARLY}, 1)


def test_a_deadline_that_passes_early(run_roles, backend):
    """A scope that ends at once, long before its time."""
    row = {**EQUAL, "interval": 400.0, "ticks": 1}
    report = run_roles(timers, row, wrap={"main": FAULTS["deadline-early"].runtime}, backend=backend)
    assert EARLY in report.violations


@pytest.mark.parametrize("backend", ["asyncio", "threads"])
def test_a_timer_that_rounds_up_to_ten_milliseconds(run_roles, backend):
    """Every sleep is late, which no busy machine brings about."""
    row = {**PACING, "interval": 10.0, "ticks": 2}
    report = run_roles(timers, row, wrap={"main": FAULTS["timer-rounds-up"].runtime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {COARSE})
    assert report[COARSE] >= 8


def test_a_group_that_does_not_wait_for_its_sleepers(run_roles):
    """Their wake-ups are missing."""
    wrap = {"main": FAULTS["child-outlives-group"].runtime}
    report = run_roles(timers, {**SLEEPERS, "interval": 20.0}, wrap=wrap)
    assert (report.violations, report[MISSING]) == ({MISSING}, 40)


def test_a_sleeper_that_runs_twice(run_roles):
    """It wakes more often than it was to sleep."""
    report = run_roles(timers, SLEEPERS, wrap={"main": FAULTS["child-runs-twice"].runtime})
    assert (report.violations, report[MISSING]) == ({MISSING}, -2)


@pytest.mark.parametrize("row", [PACING, SLEEPERS], ids=["pacing", "sleepers"])
def test_a_scheduler_that_is_held(run_roles, monkeypatch, row):
    """One sleep keeps everybody from waking for 50 ms: that is the longest stall.

    An early one after the twenty of a task that is alone: on a machine that is busy the last ticks of a schedule are
    over before anybody sleeps for them.
    """

    class HeldRuntime(Wrapped):
        sleeps = 0

        async def sleep(self, seconds):
            self.sleeps += 1
            held = self.sleeps == 22
            await self.inner.sleep(seconds)
            if held:
                clock.advance(0.05)

    clock = FakeClock()
    monkeypatch.setattr(module, "perf_counter_ns", clock.read_ns)
    report = run_roles(timers, row, wrap={"main": lambda runtime: HeldRuntime(clock.govern(runtime))})
    assert report.violations == set()
    assert report["longest stall"] >= 49


def test_what_each_sleep_is_late_adds_up_to_the_drift(run_roles, backend):
    """With an accumulated schedule, by as much for each tick."""

    class SlowRuntime(Wrapped):
        async def sleep(self, seconds):
            await self.inner.sleep(seconds + 0.003)

    report = run_roles(timers, {**ACCUMULATED, "ticks": 10}, wrap={"main": SlowRuntime}, backend=backend)
    assert report["drift per tick"] >= 2900


def test_an_absolute_schedule_counts_the_ticks_that_were_over(run_roles):
    """A sleep that takes five intervals leaves the next ones without a sleep of their own."""

    class SlowRuntime(Wrapped):
        async def sleep(self, seconds):
            await self.inner.sleep(seconds + 0.005)

    report = run_roles(timers, PACING, wrap={"main": SlowRuntime})
    assert report["ticks that were over before their sleep"] >= 25 - math.ceil(25 / 5) - 1


# --- what follows from wake-ups ---


def test_the_runtime_s_clock_is_aligned_where_it_is_least_behind():
    """A clock of milliseconds is up to one behind; the least shows the true difference."""
    wake_ups = [make_wake_up(1, 2, offset=5.0), make_wake_up(2, 3, offset=5.0009), make_wake_up(3, 4, offset=5.0004)]
    assert align_clock(wake_ups) == pytest.approx((5.0, 0.0009))


def test_lateness_is_on_the_finer_clock():
    """A wake-up that is on time by the runtime's clock is late by what that clock is behind."""
    assert measure_lateness([make_wake_up(1, 1, offset=5.0004)], 5.0) == [pytest.approx(400_000, abs=1)]


def test_overlong_is_what_a_sleep_lasted_beyond_what_was_asked():
    """Ticks that did not sleep have none."""
    sleep, over = make_wake_up(1, 1, slept=1.25), make_wake_up(1, 1, slept=0.5)._replace(asked=-0.5)
    assert measure_overlong([sleep, over]) == [250_000_000]


def test_early_is_before_the_time_and_not_a_rounding_of_it():
    """Clocks are compared to a microsecond."""
    assert count_early([make_wake_up(1, 1), make_wake_up(1, 1 - 1e-9), make_wake_up(1, 1 - 1e-5)]) == 1
    assert find_most_early([make_wake_up(1, 1, slept=0.75), make_wake_up(1, 1, slept=1.5)]) == 0.25
    assert find_most_early([]) == 0


def test_a_stall_lasts_while_somebody_is_due():
    """Time without a wake-up counts from when the next sleeper is due, or from the last wake-up, if that was later."""
    idle_until_ten = [make_wake_up(1, 1.5), make_wake_up(10, 10.25)]
    assert find_longest_stall(idle_until_ten, 0) == pytest.approx(0.5)
    both_due = [make_wake_up(1, 2), make_wake_up(1, 6)]
    assert find_longest_stall(both_due, 0) == pytest.approx(4)
    due_first_wakes_last = [make_wake_up(5, 5.5), make_wake_up(1, 6)]
    assert find_longest_stall(due_first_wakes_last, 0) == pytest.approx(4.5)
    assert find_longest_stall([make_wake_up(1, 1.25, offset=7)], 7) == pytest.approx(0.25)


def test_overtaken_are_those_that_wake_after_a_later_one():
    """Equal deadlines overtake nobody."""
    assert count_overtaken([make_wake_up(due, 9) for due in (1, 3, 2, 3, 1, 4)]) == 2


def test_orders_have_names():
    """As the timers were set, the other way round, or neither."""
    assert name_order([2, 0, 1], [2, 0, 1]) == IN_ORDER
    assert name_order([2, 0, 1], [1, 0, 2]) == REVERSED
    assert name_order([2, 0, 1], [0, 1, 2]) == OTHERWISE
