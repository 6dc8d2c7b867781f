"""The kit catches what it must, by name."""

import asyncio
import socket
from pathlib import Path

import pytest

from harness.testing import contract
from harness.testing.clauses import CLAUSES, datagrams

BY_NAME = {clause.name: clause for clause in CLAUSES}
LIMIT = 60
"""Seconds for a clause that ends by itself, on a busy machine."""
HANG_LIMIT = 5
"""Seconds for one that hangs."""
SLEEP = "sleep does not return before its time"
LOCK = "one holder at a time"
TASKS = "a task that has ended is not described any more"


@pytest.fixture(autouse=True)
def planted_backends(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def run(runner, *names, limit=LIMIT):
    """Run clauses on a runner, or on a shipped saboteur that a fault names; return the error of each."""
    planted = ":" in runner
    options = {} if planted else {"fault": runner}
    named = runner if planted else "harness_saboteurs.runner:SaboteurRunner"
    results = contract.run_clauses(named, options, [BY_NAME[name] for name in names], limit=limit)
    return {result.clause: result.error for result in results}


def test_a_healthy_backend_passes():
    """The control."""
    assert run("harness_asyncio.backend:AsyncioRunner", SLEEP, LOCK) == {SLEEP: "", LOCK: ""}


@pytest.mark.parametrize(
    ("runner", "clause", "said"),
    [
        ("timer-early", SLEEP, "sleeps that were early: expected []"),
        ("cancelled-receive-drops", "a cancelled receive has taken nothing (buffered)", "expected [1], got []"),
        ("cancelled-receive-drops", "a cancelled receive has taken nothing (unbounded)", "expected [1], got []"),
        ("cancelled-receive-drops", "a cancelled receive has taken nothing (rendezvous)", "expected [1], got []"),
        ("cancelled-send-sends", "a cancelled send has sent nothing (buffered)", "expected [-1], got [-1, 1]"),
        ("conftest:NeverWaits", "cancelling a group wakes a task that waits in event", "returned None"),
        (
            "conftest:FirstOnly",
            "first_completed loses no result of channels that are ready",
            "expected [1, 2], got [(0, 1)] and []",
        ),
        ("deadline-early", "a scope is not cancelled before its deadline", "s early"),
        (
            "conftest:EarlyTimeout",
            "a function that is too slow is ended, then the deadline is raised",
            "a time-out of 0.1 s passed",
        ),
        (
            "conftest:LeavesSlowFunction",
            "a function that is too slow is ended, then the deadline is raised",
            "how it ended: expected ['ended'], got []",
        ),
        (
            "shields-nothing",
            "a shielded function runs to its end although its caller is cancelled",
            "expected ['the work is done'], got []",
        ),
        (
            "conftest:SwallowsCancellation",
            "a shielded function runs to its end although its caller is cancelled",
            "got ['the work is done', 'the caller went on']",
        ),
        (
            "conftest:OwnedTask",
            "a detached task outlives its parent's group and its cancellation",
            "expected ['told to end', 'went on'], got ['told to end']",
        ),
        ("conftest:BlamesItself", "a send after the peer's reset raises that the connection is broken", "is 'closed'"),
        ("conftest:BlamesPeer", "a send after closing raises that this side closed", "is 'broken'"),
        ("conftest:WrongScheduler", "the scheduler is the one that the runner expects", "expected 'uvloop.*'"),
    ],
)
def test_a_planted_defect_is_caught(runner, clause, said):
    """The clause that the defect breaks says so, with what was expected, and another one holds."""
    errors = run(runner, clause, LOCK)
    assert "AssertionError" in errors[clause]
    assert said in errors[clause]
    assert errors[LOCK] == ""


@pytest.mark.parametrize(
    ("runner", "clause"),
    [
        ("conftest:DeafSleep", "cancelling a group wakes a task that waits in sleep"),
        ("sender-never-closes", "capacity 1: closing the last clone wakes every receiver"),
    ],
)
def test_a_hang_is_named_and_the_rest_runs(runner, clause):
    """A blocked scheduler and a lost wake-up end with their process; the next clauses run in another one."""
    errors = run(runner, LOCK, clause, SLEEP, limit=HANG_LIMIT)
    assert errors[clause].startswith(f"did not end within {HANG_LIMIT} s; its threads")
    assert (errors[LOCK], errors[SLEEP]) == ("", "")


def test_a_hang_is_not_blamed_on_a_clause_that_ended():
    """Results that come in one piece are all seen before the clause that hangs behind them."""
    quick = ["a new event is not set", "is_set returns whether set was called", "waiting for a set event returns"]
    errors = run("conftest:StuckTasks", *quick, TASKS, limit=HANG_LIMIT)
    assert [name for name, error in errors.items() if error] == [TASKS]
    assert "in tasks" in errors[TASKS]


def test_a_talkative_backend_is_no_hang():
    """What it writes is not left in a pipe."""
    name = "a checkpoint lets another ready task run"
    assert run("conftest:Talkative", name) == {name: ""}


def test_a_process_that_ends_is_named():
    """Whatever a backend does to its process."""
    (error,) = run("conftest:Exiting", "a checkpoint lets another ready task run").values()
    assert "the process ended with 7" in error


def test_a_runner_that_does_not_import():
    """The real error is kept."""
    with pytest.raises(ImportError, match="ModuleNotFoundError: No module named 'nowhere'"):
        run("nowhere:Runner", LOCK)


def test_a_host_without_ipv6_is_asked_nothing_about_it(monkeypatch):
    """The clause ends before it opens an endpoint."""
    monkeypatch.setattr(datagrams, "_has_ipv6", lambda: False)
    asyncio.run(datagrams.over_ipv6(None))


def test_the_largest_datagram_is_one_that_the_system_sends():
    """Up to that of UDP; macOS sends less by default."""
    size = datagrams._find_largest()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.bind(("127.0.0.1", 0))
        assert plain.sendto(bytes(size), plain.getsockname()) == size <= 65_507
