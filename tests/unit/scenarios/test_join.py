"""A join takes as long as its longest operation, waits for every child, and says what it does with an error."""

from __future__ import annotations

import asyncio

import pytest

from harness.testing.wrapping import Group, SabotagedRuntime, Wrapped
from harness_saboteurs import FAULTS, sabotage
from harness_scenarios.load.join import (
    AS_RAISED,
    CANCELLED,
    IN_A_GROUP,
    NOT_AT_ALL,
    RUN_ON,
    SOME_OF_EACH,
    join,
    make_lengths,
)
from tests.runtimes import COROUTINES

THREE = {"children": 3, "scale": 0.1}
BRIEF = {"children": 3, "scale": 0.05}
FAILING = {**THREE, "fails": "one"}

AT_ONCE = "most operations at once"
SHARE = "quickest join, as a share of the sum"
SHORT_JOINS = "joins shorter than their longest operation"
SHORT_SEQUENCES = "sequences shorter than their sum"
OUTLIVING = "children that outlived the join"
UNENDED = "operations that did not end"
ARRIVAL = "the error reaches the parent"
FATE = "siblings of the one that failed"
VANISHED = "siblings neither ended nor cancelled"

ARRIVALS = {
    "asyncio": IN_A_GROUP,
    "uvloop": IN_A_GROUP,
    "trio": IN_A_GROUP,
    "curio": NOT_AT_ALL,
    "threads": NOT_AT_ALL,
}

# A thread whose error reaches nobody tells threading.excepthook, and that pytest.
ignore_errors_of_threads = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


# --- healthy ---


def test_a_join_takes_as_long_as_its_longest_operation_on_each_backend(run_roles, backend):
    """Nothing is missing or left, operations overlap, and each join and the sequence have a time."""
    report = run_roles(join, THREE, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert len(report.values["concurrently"]) == len(report.values["CPU per child"]) == 5
    assert report.values[UNENDED] == report.values[OUTLIVING] == report.values[SHORT_JOINS] == [0] * 5
    assert report[SHORT_SEQUENCES] == 0
    assert report["one after another"] >= 44  # uvloop may be a millisecond early by the system's clock
    assert ARRIVAL not in report
    # Two threads may lose an increment of a counter to each other.
    assert report.progress["main"] == 3 + 5 * 3 or backend == "threads"


@ignore_errors_of_threads
def test_an_error_reaches_the_parent_or_does_not_on_each_backend(run_roles, backend):
    """Each runtime does as it is documented to, and nothing is missing or left."""
    report = run_roles(join, FAILING, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values[ARRIVAL]) == {ARRIVALS[backend]}
    assert report.values[VANISHED] == report.values[OUTLIVING] == [0] * 5
    assert "one after another" not in report


@ignore_errors_of_threads
def test_threads_run_on_when_a_sibling_fails(run_roles):
    """Nobody tells them."""
    report = run_roles(join, FAILING, backend="threads")
    assert set(report.values[FATE]) == {RUN_ON}


@pytest.mark.parametrize("backend", COROUTINES)
def test_siblings_are_cancelled(run_roles, backend):
    """Operations that would take a second more end with the one that fails."""
    report = run_roles(join, {"children": 2, "scale": 0.1, "fails": "one"}, backend=backend, wrap={"main": Patient})
    assert set(report.values[FATE]) == {CANCELLED}


class Patient(Wrapped):
    """A runtime on which the longer operation takes a minute more, so that no busy machine lets it end first."""

    async def sleep(self, seconds):
        """Sleep longer than asked, if it is for more than 10 ms."""
        await self.inner.sleep(seconds if seconds <= 0.01 else 60)


@pytest.mark.parametrize("fails", ["none", "one"])
def test_one_child(run_roles, fails):
    """The smallest number overlaps with nobody and has no siblings."""
    report = run_roles(join, {"children": 1, "scale": 0.05, "fails": fails})
    assert (report.errors, report.violations) == ({}, set())
    assert not {AT_ONCE, SHARE, FATE, VANISHED} & set(report.values)


def test_lengths_are_spread_over_the_same_range_in_whole_milliseconds():
    """Three are those of the scenario's name; a clock that counts milliseconds can keep all of them."""
    assert make_lengths(3, 1.0) == [0.1, 0.15, 0.2]
    assert make_lengths(1, 1.0) == [0.1]
    assert make_lengths(6, 0.1) == [0.01, 0.012, 0.014, 0.016, 0.018, 0.02]
    assert make_lengths(4, 0.001) == [0.001] * 4


# --- saboteurs ---


def test_operations_that_run_one_after_another(run_roles, backend):
    """A group whose `spawn` waits for the end of the task."""
    report = run_roles(join, BRIEF, wrap={"main": FAULTS["children-one-by-one"].runtime}, backend=backend)
    assert (report.errors, report.violations) == ({}, {AT_ONCE, SHARE})
    assert report[AT_ONCE] == 1


def test_a_join_that_does_not_wait(run_roles):
    """Its children outlive it."""
    report = run_roles(join, THREE, wrap={"main": FAULTS["child-outlives-group"].runtime})
    assert {OUTLIVING, UNENDED, SHORT_JOINS} <= report.violations
    assert max(report.values[OUTLIVING]) == 3


def test_a_join_that_leaves_one_child_behind(run_roles):
    """The longest operation goes on when the join is over."""
    detached = set()

    class LeakingGroup(Group):
        async def spawn(self, function, index):
            if index == 2:
                detached.add(asyncio.ensure_future(function(index)))
            else:
                await self.inner.spawn(function, index)

    report = run_roles(join, {**THREE, "scale": 0.2}, wrap={"main": sabotage(LeakingGroup)})
    assert {OUTLIVING, UNENDED, SHORT_JOINS} <= report.violations
    assert max(report.values[OUTLIVING]) == 1


def test_an_operation_that_is_forgotten(run_roles, backend):
    """One that never starts has not ended."""
    report = run_roles(join, BRIEF, wrap={"main": FAULTS["child-never-starts"].runtime}, backend=backend)
    assert (report.violations, report.values[UNENDED]) == ({UNENDED}, [1] * 5)


def test_an_operation_that_runs_twice(run_roles, backend):
    """It ends once too often."""
    report = run_roles(join, BRIEF, wrap={"main": FAULTS["child-runs-twice"].runtime}, backend=backend)
    assert (report.violations, report.values[UNENDED]) == ({UNENDED}, [-1] * 5)


def test_sleeps_that_are_short(run_roles, backend):
    """A join and a sequence are over before their time."""
    report = run_roles(join, {**THREE, "scale": 2.0}, wrap={"main": FAULTS["timer-early"].runtime}, backend=backend)
    assert {SHORT_SEQUENCES, SHORT_JOINS} <= report.violations


def test_a_sibling_that_vanishes(run_roles):
    """One that neither ended nor was cancelled is counted, where another one fails."""
    report = run_roles(join, FAILING, wrap={"main": FAULTS["child-never-starts"].runtime})
    assert (report.violations, report.values[VANISHED]) == ({VANISHED}, [1] * 5)


def test_a_join_that_is_over_before_the_error(run_roles):
    """It has not waited for the operation that fails."""
    detached = set()

    class LeakingGroup(Group):
        async def spawn(self, function, *args):
            task = asyncio.ensure_future(function(*args))
            task.add_done_callback(asyncio.Future.exception)
            detached.add(task)
            await asyncio.sleep(0)

    report = run_roles(join, FAILING, wrap={"main": sabotage(LeakingGroup)})
    assert {OUTLIVING, VANISHED, "joins over before the error"} <= report.violations


def test_an_error_that_is_raised_alone(run_roles):
    """As `asyncio.gather` does it; siblings that had ended are told from those that were cancelled."""

    class UnwrappingGroup(Group):
        async def __aexit__(self, *exc):
            try:
                return await super().__aexit__(*exc)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None

    class Uneven(SabotagedRuntime):
        """The second of three operations ends at once, the third one long after the error."""

        group = UnwrappingGroup

        async def sleep(self, seconds):
            await self.inner.sleep({0.01: 0.01, 0.015: 0}.get(seconds, 60))

    report = run_roles(join, FAILING, wrap={"main": Uneven})
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values[ARRIVAL]) == {AS_RAISED}
    assert set(report.values[FATE]) == {SOME_OF_EACH}


def test_another_error_is_not_taken_for_the_operation_s(run_roles):
    """It ends the role."""

    class BrokenGroup(Group):
        async def __aexit__(self, *exc):
            await super().__aexit__(*exc)
            raise ValueError("broken")

    report = run_roles(join, THREE, wrap={"main": sabotage(BrokenGroup)})
    assert isinstance(report.errors["main"], ValueError)
