"""A timeout-select cell sees timers that fire early or stay, losers that run on, and items that a race loses."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from harness.api import ClosedResourceError
from harness.testing.fake_clock import FakeClock
from harness.testing.wrapping import Wrapped
from harness_saboteurs import FAULTS
from harness_scenarios.load import timeout_select as module
from harness_scenarios.load.timeout_select import timeout_select
from harness_scenarios.parts.timer_race import Contender, Tally

SMALL = {"deadline": 0.01, "races": 24, "n": 4}


@pytest.fixture
def run_in_jumps(run_roles, monkeypatch):
    """Return a function that runs a cell on asyncio and a `FakeClock`: the load of the machine changes no race."""

    def run(sabotaged=None, **parameters):
        clock = FakeClock()
        monkeypatch.setattr(module, "perf_counter", clock.poll)

        def wrap(runtime):
            governed = clock.govern(runtime)
            return sabotaged(governed) if sabotaged else governed

        return run_roles(timeout_select, {**SMALL, **parameters}, wrap={"main": wrap})

    return run


def assert_caught(run_in_jumps, sabotaged, broken, **parameters):
    """Check that what the saboteur breaks, and nothing else, is seen, and that its healthy twin breaks nothing."""
    report, control = run_in_jumps(sabotaged, **parameters), run_in_jumps(**parameters)
    assert (report.errors, report.violations) == ({}, broken)
    assert (control.errors, control.violations) == ({}, set())


# --- healthy ---


@pytest.mark.parametrize("via", ["deadline", "select"])
@pytest.mark.parametrize("winner", ["never", "always", "tie", "cancelling", "nested"])
def test_a_healthy_backend_breaks_nothing(run_roles, backend, winner, via):
    """Whoever wins, on each backend and in both idioms."""
    report = run_roles(timeout_select, {**SMALL, "winner": winner, "via": via}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert report["selects"] == report["operation won"] + report["timer won"]
    assert report["selects"] == (24 if winner != "always" else 4 * 24 + 100)


def test_the_timer_wins_over_what_never_comes(run_roles, backend):
    """Every race is timed out, and its lateness is measured; a percentile that the sample cannot hold is not given."""
    report = run_roles(timeout_select, {**SMALL, "winner": "never"}, backend=backend)
    assert (report["timer won"], report["operation won"], report["lateness samples"]) == (24, 0, 24)
    assert report["lateness max"] >= report["lateness p50"] >= -1
    assert ("lateness p99" in report, report["CPU per select"] > 0) == (False, True)


@pytest.mark.parametrize("via", ["deadline", "select"])
def test_the_operation_wins_when_it_is_ready(run_roles, backend, via):
    """Each measured value is the cost of one select, also with other timers outstanding."""
    report = run_roles(timeout_select, {**SMALL, "winner": "always", "via": via}, backend=backend)
    assert (report["operation won"], report["timers that won over a ready operation"]) == (4 * 24 + 100, 0)
    assert len(report.values["ns per select"]) == 3
    assert min(report.values["ns per select"]) > 0


@pytest.mark.parametrize("winner", ["tie", "cancelling"])
def test_a_close_race_is_really_close(run_in_jumps, winner):
    """Both sides win some of the races, so the cell asks what it says; every item is accounted for."""
    report = run_in_jumps(winner=winner, races=64)
    assert (report["operation won"] > 0, report["timer won"] > 0) == (True, True)
    assert report["items sent"] == 64 == report["operation won"] + report["items still in the channel"]


def test_time_that_jumps_is_neither_early_nor_late(run_in_jumps):
    """The clock of these tests is a clock: timers end when they are due."""
    report = run_in_jumps(winner="never")
    assert 0 <= report["lateness p50"] <= report["lateness max"] <= 1000


# --- saboteurs: timers ---


def test_a_timer_that_fires_early_is_caught(run_in_jumps):
    """A deadline that comes after half of its time."""
    assert_caught(run_in_jumps, FAULTS["deadline-early"].runtime, {"timers fired early"}, winner="never")


def test_a_sleep_that_ends_early_is_caught(run_in_jumps):
    """A sleep that lasts half of its time, in a select."""
    assert_caught(run_in_jumps, FAULTS["timer-early"].runtime, {"timers fired early"}, winner="never", via="select")


def test_an_early_deadline_is_caught_in_a_tie(run_in_jumps):
    """An absolute deadline that is taken for an earlier one."""
    assert_caught(run_in_jumps, FAULTS["deadline-early"].runtime, {"timers fired early"}, winner="tie")


def test_a_timer_that_outlives_its_race_is_caught(run_in_jumps):
    """A timer that is not cancelled hits the code behind the block when its time comes."""

    class LeavingScope(Wrapped):
        async def __aenter__(self):
            return await self.inner.__aenter__()

        async def __aexit__(self, *exc):
            asyncio.get_running_loop().call_later(0.005, asyncio.current_task().cancel)
            return await self.inner.__aexit__(*exc)

    class Leaving(Wrapped):
        scopes = 0

        def move_on_after(self, seconds):
            scope = self.inner.move_on_after(seconds)
            self.scopes += seconds < 1
            return LeavingScope(scope) if self.scopes == 100 else scope

    assert_caught(run_in_jumps, Leaving, {"cancellations after the race"}, winner="always", n=1)


# --- saboteurs: losers ---


def test_a_loser_that_is_not_cancelled_is_caught(run_in_jumps):
    """A select that leaves its loser running."""

    class Leaving(Wrapped):
        async def first_completed(self, *fns):
            tasks = [asyncio.create_task(fn()) for fn in fns]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return [(index, task.result()) for index, task in enumerate(tasks) if task.done()]

    broken = {"losers not cancelled exactly once", "tasks left"}
    assert_caught(run_in_jumps, Leaving, broken, winner="always", via="select", n=1)


def test_a_loser_that_has_not_ended_is_caught(run_in_jumps):
    """A select that cancels its loser and does not wait for it."""

    class Hasty(Wrapped):
        async def first_completed(self, *fns):
            tasks = [asyncio.create_task(fn()) for fn in fns]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            completed = [(index, task.result()) for index, task in enumerate(tasks) if task.done()]
            for task in tasks:
                task.cancel()
            return completed

    assert_caught(run_in_jumps, Hasty, {"losers not cancelled exactly once"}, winner="never", via="select")


def test_a_race_without_a_winner_is_caught(run_in_jumps):
    """A scope that was left by its deadline and says that it was not."""
    assert_caught(run_in_jumps, FAULTS["time-out-hidden"].runtime, {"selects"}, winner="never")


def test_a_timer_that_wins_over_a_ready_operation_is_caught(run_in_jumps):
    """A select that says the time is over and leaves the item."""

    class Impatient(Wrapped):
        async def first_completed(self, *fns):
            return [(1, None)]

    broken = {"timers that won over a ready operation"}
    assert_caught(run_in_jumps, Impatient, broken, winner="always", via="select", n=1)


# --- saboteurs: items ---


def wrap_receiver(receiver):
    """Return a runtime whose channels have a broken receiver, which knows the sender."""

    class Sabotaged(Wrapped):
        def open_channel(self, capacity):
            send, receive = self.inner.open_channel(capacity)
            broken = receiver(receive)
            broken.sender = send
            return send, broken

    return Sabotaged


class Repeating(Wrapped):
    """A receiver that leaves an item in the channel when it delivers it."""

    async def receive(self):
        """Receive, and put the item back, unless the channel is being drained."""
        item = await self.inner.receive()
        with suppress(ClosedResourceError):
            await self.sender.send(item)
        return item


@pytest.mark.parametrize("via", ["deadline", "select"])
def test_an_item_that_is_lost_with_its_loser_is_caught(run_in_jumps, via):
    """A receive that is cancelled in the tick in which its item came has taken it."""
    fault = FAULTS["cancelled-receive-drops"].runtime
    assert_caught(run_in_jumps, fault, {"items lost"}, winner="cancelling", via=via, races=64)


def test_an_item_that_is_lost_in_a_tie_is_caught(run_in_jumps):
    """A receive that times out in the tick in which its item came has taken it."""

    class DroppingWhenHeld(Wrapped):
        """Drops what has come by the next tick."""

        async def receive(self):
            try:
                return await self.inner.receive()
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                if self.sender.buffered():
                    await self.inner.receive()
                raise

    assert_caught(run_in_jumps, wrap_receiver(DroppingWhenHeld), {"items lost"}, winner="tie", races=64)


def test_an_item_that_is_delivered_and_still_there_is_caught(run_in_jumps):
    """One item in two places."""
    assert_caught(run_in_jumps, wrap_receiver(Repeating), {"items duplicated"}, winner="tie", races=64)


def test_an_item_that_nobody_sent_is_caught(run_in_jumps):
    """A receive that returns although nobody sends."""
    assert_caught(run_in_jumps, FAULTS["item-from-nowhere"].runtime, {"items duplicated"}, winner="never")


# --- saboteurs: nested deadlines ---


class OneDeadline(Wrapped):
    """A runtime whose nested scopes both get what `choose` makes of the two deadlines."""

    outer = None

    def open_cancel_scope(self, *, deadline):
        """Open the outer scope as it is, and the inner one by what both deadlines are."""
        if self.outer is None:
            self.outer = deadline
            return self.inner.open_cancel_scope(deadline=self.change_outer(deadline))
        outer, self.outer = self.outer, None
        return self.inner.open_cancel_scope(deadline=self.change_inner(outer, deadline))

    def change_outer(self, outer):
        """Return the deadline of the outer scope."""
        return outer

    def change_inner(self, _outer, inner):
        """Return the deadline of the inner scope."""
        return inner


def test_the_wrong_scope_blamed_is_caught(run_in_jumps):
    """The inner block is ended by the outer's deadline and takes it for its own."""

    class BlamingInner(OneDeadline):
        def change_outer(self, outer):
            return outer + 0.001

        def change_inner(self, outer, inner):
            return min(outer, inner)

    broken = {"nested deadlines that ended a block before their time"}
    assert_caught(run_in_jumps, BlamingInner, broken, winner="nested", n=1)


def test_an_ignored_inner_deadline_is_caught(run_in_jumps):
    """The inner block goes on until the outer deadline."""
    assert_caught(
        run_in_jumps, FAULTS["inner-deadline-forgotten"].runtime, {"inner deadlines kept"}, winner="nested", n=1
    )


def test_an_outer_deadline_that_comes_early_is_caught(run_in_jumps):
    """The inner block ends in time, and the outer one with it."""

    class HastyOuter(OneDeadline):
        def change_outer(self, outer):
            return outer - 0.005

    report, control = (run_in_jumps(runtime, winner="nested", n=1) for runtime in (HastyOuter, None))
    assert "nested deadlines that ended a block before their time" in report.violations
    assert control.violations == set()


# --- the book ---


def test_items_are_counted_by_where_they_are():
    """Delivered, still there, lost, or in two places."""
    tally = Tally()
    tally.count_items(4, [0, 1], [1, 2])
    assert (tally.items_sent, tally.items_still_there, tally.items_lost, tally.items_duplicated) == (4, 2, 1, 1)


def test_tallies_add_up():
    """Every count of one book is added to the other's."""
    total = Tally(operations_won=1, items_lost=2)
    total.add(Tally(operations_won=10, timers_early=5))
    assert total == Tally(operations_won=11, items_lost=2, timers_early=5)


@pytest.mark.parametrize(
    ("started", "cancellations", "ended", "counted"),
    [(False, 0, False, (1, 0)), (True, 1, True, (0, 0)), (True, 0, False, (0, 1)), (True, 2, True, (0, 1))],
)
def test_a_loser_has_ended_by_one_cancellation(started, cancellations, ended, counted):
    """One that never started need not be cancelled."""
    loser = Contender(None, None)
    loser.started, loser.cancellations, loser.ended = started, cancellations, ended
    tally = Tally()
    tally.count_loser(loser)
    assert (tally.losers_not_started, tally.losers_not_cancelled_once) == counted
