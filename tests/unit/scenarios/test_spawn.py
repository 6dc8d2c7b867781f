"""Every task that is started runs once, and ends within its group; its answer is the one to what it was sent."""

from __future__ import annotations

import asyncio

import pytest

from harness.testing.wrapping import Group, Receiver, Sender
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.load.spawn import IN_ORDER, OTHERWISE, spawn

KINDS = ("many", "chained", "pingpong")


# --- healthy ---


@pytest.mark.parametrize("kind", KINDS)
def test_all_run_once_on_each_backend(run_roles, backend, kind):
    """Nothing is missing or left, and three values are measured."""
    report = run_roles(spawn, {"kind": kind, "count": 60}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert len(report.values["ns per spawn"]) == 3
    assert min(report.values["ns per spawn"]) > 0
    assert report.values["tasks that did not run"] == [0, 0, 0, 0]
    assert report.values.get("wrong answers", []) == ([0, 0, 0, 0] if kind == "pingpong" else [])
    assert len(report.values["children start"]) == 10
    assert report.progress["main"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_task(run_roles, kind):
    """The smallest number."""
    report = run_roles(spawn, {"kind": kind, "count": 1})
    assert (report.errors, report.violations) == ({}, set())


def test_several_groups_are_one_value(run_roles, backend):
    """More work for a value, not more values, and no task of it is forgotten."""
    report = run_roles(spawn, {"kind": "pingpong", "count": 5, "groups": 4}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert len(report.values["ns per spawn"]) == 3
    assert report.values["tasks that did not run"] == report.values["wrong answers"] == [0, 0, 0, 0]


def test_a_task_that_is_lost_in_one_of_several_groups(run_roles):
    """Every group is checked, not only the last one."""

    class ForgettingGroup(Group):
        forgotten = False

        async def spawn(self, *call):
            if call[-1] == 17 and not self.forgotten:
                type(self).forgotten = True
            else:
                await self.inner.spawn(*call)

    row = {"kind": "many", "count": 20, "groups": 3}
    report = run_roles(spawn, row, wrap={"main": sabotage(ForgettingGroup)})
    assert report.values["tasks that did not run"] == [1, 0, 0, 0]


def test_children_that_start_in_another_order(run_roles):
    """A group that starts its tasks at its end, the last one first; asyncio itself keeps the order."""

    class ReversingGroup(Group):
        async def __aenter__(self):
            self.held = []
            return await super().__aenter__()

        async def spawn(self, *call):
            self.held.append(call)

        async def __aexit__(self, *exc):
            for call in reversed(self.held):
                await self.inner.spawn(*call)
            return await super().__aexit__(*exc)

    row = {"kind": "many", "count": 20}
    assert run_roles(spawn, row).values["children start"] == [IN_ORDER] * 10
    report = run_roles(spawn, row, wrap={"main": sabotage(ReversingGroup)})
    assert (report.errors, report.violations) == ({}, set())
    assert report.values["children start"] == [OTHERWISE] * 10


# --- saboteurs ---


def test_a_task_that_never_starts(run_roles, backend):
    """One that is forgotten is counted in each value."""
    wrap = {"main": FAULTS["child-never-starts"].runtime}
    report = run_roles(spawn, {"kind": "many", "count": 20}, wrap=wrap, backend=backend)
    assert (report.errors, report.violations) == ({}, {"tasks that did not run"})
    assert report.values["tasks that did not run"] == [1, 1, 1, 1]


def test_a_chain_that_breaks(run_roles):
    """All tasks behind the one that is forgotten are missing."""

    class BreakingGroup(Group):
        async def spawn(self, function, *args):
            if args[-1] != 15:
                await self.inner.spawn(function, *args)

    report = run_roles(spawn, {"kind": "chained", "count": 20}, wrap={"main": sabotage(BreakingGroup)})
    assert (report.errors, report.violations) == ({}, {"tasks that did not run"})
    assert report.values["tasks that did not run"] == [5, 5, 5, 5]


def test_a_task_that_runs_twice(run_roles, backend):
    """A group that starts what it is given a second time."""
    wrap = {"main": FAULTS["child-runs-twice"].runtime}
    report = run_roles(spawn, {"kind": "many", "count": 20}, wrap=wrap, backend=backend)
    assert (report.errors, report.violations) == ({}, {"tasks that ran twice"})
    assert report.values["tasks that ran twice"] == [1, 1, 1, 1]


def test_a_task_that_outlives_its_group(run_roles):
    """Tasks that are started beside the group, and answer before they have ended."""
    detached = set()

    class LeakingGroup(Group):
        async def spawn(self, function, *args):
            detached.add(asyncio.ensure_future(function(*args)))

    class LingeringSender(Sender):
        async def send(self, item):
            await self.inner.send(item)
            if item == -20:
                await asyncio.Event().wait()  # until the loop ends

    wrap = {"main": sabotage(LeakingGroup, LingeringSender)}
    report = run_roles(spawn, {"kind": "pingpong", "count": 20}, wrap=wrap)
    assert (report.errors, report.violations) == ({}, {"tasks not ended with their group"})
    assert report.values["tasks not ended with their group"] == [1, 1, 1, 1]


def test_an_answer_to_something_else(run_roles, backend):
    """A channel that changes an item."""

    class ChangingReceiver(Receiver):
        received = 0

        async def receive(self):
            self.received += 1
            return await self.inner.receive() * (10 if self.received == 7 else 1)

    wrap = {"main": sabotage(ChangingReceiver)}
    report = run_roles(spawn, {"kind": "pingpong", "count": 20}, wrap=wrap, backend=backend)
    assert (report.errors, report.violations) == ({}, {"wrong answers"})
