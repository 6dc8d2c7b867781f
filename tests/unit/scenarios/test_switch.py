"""Every task of a switch runs to its end, and a yield that lets nobody run is seen."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from harness.testing.wrapping import Event, Group, SabotagedRuntime, Wrapped
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.load.switch import switch

SMALL = {"tasks": 10, "yields": 150}


# --- healthy ---


def test_all_run_to_their_end_on_each_backend(run_roles, backend):
    """Nothing is missing, three values are measured, and progress counts every yield of four passes."""
    report = run_roles(switch, SMALL, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert len(report.values["ns per switch"]) == 3
    assert min(report.values["ns per switch"]) > 0
    assert set(report.values["tasks not run to their end"] + report.values["yields missing"]) == {0}
    assert report["a yield lets others run"] == "yes"
    # Two threads may lose an increment of a counter to each other.
    assert report.progress["main"] == 4 * 10 * 150 or backend == "threads"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_have_started_when_the_clock_does(run_roles, backend):
    """All wait for the event that is set then; threads start when they are made."""
    counts = []

    class WatchedEvent(Event):
        waiting = 0

        async def wait(self):
            self.waiting += 1
            await self.inner.wait()

        async def set(self):
            counts.append(self.waiting)
            await self.inner.set()

    report = run_roles(switch, SMALL, wrap={"main": sabotage(WatchedEvent)}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert counts[1:] == [10] * 4  # behind the turns that are watched, and not measured


def test_one_task(run_roles):
    """The smallest number yields to nobody."""
    report = run_roles(switch, {"tasks": 1, "yields": 1})
    assert (report.errors, report.violations) == ({}, set())
    assert "yields at which another ran" not in report


def test_the_share_of_switches_is_that_of_as_many_tasks_as_the_cell_has(run_roles):
    """With two the watched ones are two, and yields that do nothing are no switches."""
    watched = []

    class LazyRuntime(Wrapped):
        calls = 0

        async def checkpoint(self):
            watched.append(asyncio.current_task())
            self.calls += 1
            if self.calls % 3:
                await self.inner.checkpoint()

    healthy = run_roles(switch, {"tasks": 2, "yields": 10})
    lazy = run_roles(switch, {"tasks": 2, "yields": 10}, wrap={"main": LazyRuntime})
    assert len(set(watched[1000:2000])) == 2
    assert (healthy.violations, lazy.violations) == (set(), set())
    assert lazy["yields at which another ran"] < healthy["yields at which another ran"] == 100


# --- saboteurs ---


def test_a_yield_that_does_nothing(run_roles):
    """Each task runs to its end before the next one starts."""
    report = run_roles(switch, SMALL, wrap={"main": FAULTS["checkpoint-yields-nothing"].runtime})
    assert (report.errors, report.violations) == ({}, {"a yield lets others run"})
    assert report["a yield lets others run"] == "never"


def test_a_task_that_never_starts(run_roles, backend):
    """Its yields are missing."""
    report = run_roles(switch, SMALL, wrap={"main": FAULTS["child-never-starts"].runtime}, backend=backend)
    assert report.violations == {"tasks not run to their end", "yields missing"}
    assert set(report.values["tasks not run to their end"]) == {1}
    assert set(report.values["yields missing"]) == {150}


def test_a_task_that_does_not_go_on_after_a_yield(run_roles):
    """A yield that ends its task, as if it had been cancelled: the rest of its yields are missing."""

    class Vanished(Exception):
        pass

    class VanishingGroup(Group):
        async def spawn(self, function, *args):
            async def vanish():
                with suppress(Vanished):
                    await function(*args)

            await self.inner.spawn(vanish)

    class VanishingRuntime(SabotagedRuntime):
        group = VanishingGroup
        calls = 0

        async def checkpoint(self):
            self.calls += 1
            if self.calls == 10 * 100 + 10 * 120:  # in the first pass, after its first batch
                raise Vanished
            await self.inner.checkpoint()

    report = run_roles(switch, SMALL, wrap={"main": VanishingRuntime})
    assert report.violations == {"tasks not run to their end", "yields missing"}
    assert report.values["yields missing"] == [50, 0, 0, 0]
