"""Who runs when several could: each runtime answers as known, and what breaks the contract is seen."""

import pytest

from harness_saboteurs import FAULTS
from harness_saboteurs.scheduling import BusyTasksStarve
from harness_scenarios.behaviours import fairness, question

from .impatient import impatient

SCENARIOS = {scenario.name.removeprefix("fairness."): scenario for scenario in fairness.SCENARIOS}
LOOPS = ("asyncio", "uvloop", "trio", "curio")
NOT_TRIO = ("asyncio", "uvloop", "curio")

EXPECTED = {
    "task-that-never-waits": {fairness.STAND_STILL: LOOPS, fairness.RUN_MEANWHILE: ("threads",)},
    "ready-tasks-take-turns": {fairness.IN_STEP: LOOPS},
    "ready-operation-gives-way": {fairness.KEEPS_ON: NOT_TRIO, fairness.GIVES_WAY: ("trio",)},
    "greedy-producer": {fairness.AFTERWARDS: NOT_TRIO, fairness.KEEPS_UP: ("trio",)},
    "timer-in-a-crowd": {fairness.PROMPTLY: LOOPS},
    "socket-in-a-crowd": {fairness.PROMPTLY: LOOPS},
}
"""For each question the answers and the runtimes that give them; where threads are not named they may give any."""


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other; none breaks a contract."""
    report = run_roles(SCENARIOS[name], {}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    known = {answer for answer, runtimes in EXPECTED[name].items() if backend in runtimes}
    assert set(report.values["answer"]) == known or (backend == "threads" and not known)


@pytest.mark.parametrize("operation", ["send", "receive", "lock", "semaphore", "event"])
def test_only_on_trio_each_operation_gives_way(run_roles, backend, operation):
    """What need not wait is a checkpoint on trio, whatever it is, and on no other loop."""
    report = run_roles(SCENARIOS["ready-operation-gives-way"], {"operation": operation}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    if backend != "threads":
        assert set(report.values["answer"]) == {fairness.GIVES_WAY if backend == "trio" else fairness.KEEPS_ON}


@pytest.mark.parametrize("name", ["timer-in-a-crowd", "socket-in-a-crowd"])
def test_starved_by_ready_tasks_is_seen(run_roles, name):
    """A runtime that serves timers and sockets only when it is idle breaks the contract."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap={"main": FAULTS["busy-tasks-starve"].runtime})
    assert (report["answer"], report.violations) == (fairness.NOT_WHILE_BUSY, {"answer"})


class ServesLate(BusyTasksStarve):
    """Its timers and sockets are served two thousand turns late."""

    async def until_idle(self):
        """Let the others take two thousand turns."""
        for _ in range(2000):
            await self.inner.checkpoint()


@pytest.mark.parametrize("name", ["timer-in-a-crowd", "socket-in-a-crowd"])
def test_served_late_is_seen(run_roles, name):
    """A runtime that serves timers and sockets after thousands of turns gives another answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap={"main": ServesLate})
    assert report["answer"] == fairness.LATE


@pytest.mark.parametrize("name", ["task-that-never-waits", "ready-tasks-take-turns", "ready-operation-gives-way"])
def test_ready_task_that_never_runs_is_seen(run_roles, name):
    """A runtime whose wake-ups are lost breaks the contract of each question."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap=impatient(FAULTS["event-wakes-nobody"].runtime))
    assert (report["answer"], report.violations) == (question.NEVER_ENDS, {"answer"})
