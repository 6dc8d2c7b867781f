"""A role keeps itself, and the threads that it starts, to some of the CPUs that it may use."""

from __future__ import annotations

import os
import threading

import pytest

from harness_scenarios.load.spawn import spawn
from harness_scenarios.load.switch import switch
from harness_scenarios.parts.posix import keep_to_cpus

LOADS = [(spawn, {"kind": "many", "count": 5}), (switch, {"tasks": 2, "yields": 3})]

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no CPU affinity to set")


def run_in_thread(function):
    """Return what a function returns in a thread of its own, whose affinity is nobody else's."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def keep_and_read(number):
    """Return what `keep_to_cpus` returns, and the CPUs of the thread after it."""
    return run_in_thread(lambda: (keep_to_cpus(number), os.sched_getaffinity(0)))


def test_the_lowest_cpus_are_kept():
    """One is the first of those that are allowed."""
    permitted = os.sched_getaffinity(0)
    assert keep_and_read(1) == (1, {min(permitted)})
    assert os.sched_getaffinity(0) == permitted


@pytest.mark.parametrize("number", [None, 100_000])
def test_all_cpus_are_left(number):
    """None asks for all, and there are never more than all."""
    permitted = os.sched_getaffinity(0)
    assert keep_and_read(number) == (len(permitted), permitted)


def test_a_thread_inherits_its_starter_s_cpus():
    """What a role starts after that is kept too."""

    def start_another():
        keep_to_cpus(1)
        return run_in_thread(lambda: os.sched_getaffinity(0))

    assert run_in_thread(start_another) == {min(os.sched_getaffinity(0))}


def test_a_system_without_affinity_does_nothing(monkeypatch):
    """It does not say how many there are either."""
    monkeypatch.delattr(os, "sched_setaffinity")
    permitted = os.sched_getaffinity(0)
    assert keep_and_read(1) == (None, permitted)


@pytest.mark.parametrize(("scenario", "row"), LOADS, ids=["spawn", "switch"])
@pytest.mark.parametrize("cpus", [1, None])
def test_tasks_run_on_the_cpus_that_the_cell_names(run_roles, backend, scenario, row, cpus):
    """On each backend every task sees them, also where tasks are threads."""
    seen = []

    class WatchingRuntime:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        async def checkpoint(self):
            seen.append(len(os.sched_getaffinity(0)))
            await self.inner.checkpoint()

    report = run_roles(scenario, {**row, "cpus": cpus}, wrap={"main": WatchingRuntime}, backend=backend)
    expected = cpus or len(os.sched_getaffinity(0))
    assert (report.errors, report["CPUs"], set(seen)) == ({}, expected, {expected})
