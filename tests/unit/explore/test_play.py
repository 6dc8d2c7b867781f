"""Programs on real runtimes: what is healthy shows nothing, what is known to be broken is found, and both again."""

import sys

import pytest
from runtimes import COROUTINES
from trials import make_trial, run_many

from harness.explore.clauses import Clause
from harness.explore.families import FAMILIES
from harness.explore.generate import Generator
from harness.explore.program import Operation, Program, Resource

pytestmark = pytest.mark.filterwarnings("ignore")  # what a broken kernel leaves behind warns when it is collected

HEALTHY = [
    *((backend, family) for backend in ("asyncio", "uvloop") for family in ("lock", "semaphore", "event", "channel")),
    *(("trio", family) for family in ("lock", "semaphore", "event", "channel", "group", "scope")),
]
PROGRAMS = 60


@pytest.mark.parametrize(("backend", "family"), HEALTHY)
def test_a_healthy_runtime_shows_nothing(backend, family):
    """No program of these families breaks a clause; the slow test in benchmarks runs a hundred thousand."""
    broken = [(result, program) for result, program, _ in run_many(backend, family, 11, PROGRAMS) if result.clause]
    assert broken == []


@pytest.mark.parametrize("backend", COROUTINES)
def test_a_program_is_replayed(backend):
    """The same program under the same schedule comes to the same state, with the same finding, 100 of 100 times."""
    trial, generator = make_trial(backend, FAMILIES["mixed"]), Generator(FAMILIES["mixed"])
    for number in range(25):
        program = generator.make(5, number)
        for name in (f"native {number}", f"shuffle {number}", f"pct {number}", "deviations 1=1.3=1"):
            assert trial.run(program, name) == trial.run(program, name)


TAKE = Operation("enter", 0, 0, (Operation("take"),))
PUT_AND_CANCEL = Operation("enter", 0, 0, (Operation("put", 0, 1), Operation("cancel", 0)))
LOST_NOTIFICATION = Program((Resource("condition"),), ((TAKE,), (TAKE,), (Operation("sleep", 0, 1), PUT_AND_CANCEL)))
"""The notified waiter is cancelled before it has the lock again."""


def _clauses(backend, program, orders):
    trial = make_trial(backend, FAMILIES["condition"])
    return {trial.run(program, name).clause for name in orders}


def test_a_notification_is_lost_on_trio():
    """Trio's Condition loses it in either order of the waiters that the cancelled one is first in."""
    assert Clause.LOST_WAKE_UP in _clauses("trio", LOST_NOTIFICATION, [f"shuffle {seed}" for seed in range(8)])


@pytest.mark.parametrize("backend", ["asyncio", "uvloop"])
def test_a_notification_is_lost_on_asyncio_before_3_13(backend):
    """gh-112202, fixed in 3.13: the same program shows nothing there."""
    found = {result.clause for result, *_ in run_many(backend, "condition", 3, 250) if result.clause is not None}
    assert found == ({Clause.LOST_WAKE_UP} if sys.version_info < (3, 13) else set())


@pytest.mark.skipif("curio" not in COROUTINES, reason="curio 1.6 does not import here")
def test_a_notification_brings_curio_down():
    """A notify without a waiter pops from an empty deque inside the kernel."""
    program = Program((Resource("condition"),), ((Operation("enter", 0, 0, (Operation("put", 0, 1),)),),))
    assert _clauses("curio", program, ["native 0"]) == {Clause.RUNTIME_FAILED}


WAITS_RIGHTLY = {
    "an event that is not set": Program((Resource("event"),), ((Operation("wait"),),)),
    "a lock that is held": Program(
        (Resource("lock"), Resource("event")),
        ((Operation("hold", 0, 0, (Operation("wait", 1),)),), (Operation("hold", 0),)),
    ),
    "a full channel": Program((Resource("channel", 1),), ((Operation("send"), Operation("send")),)),
    "a channel with an open sender": Program(
        (Resource("channel", 1),), ((Operation("send"),), (Operation("receive"),) * 2)
    ),
    "two locks in two orders": Program(
        (Resource("lock"), Resource("lock")),
        tuple(
            (Operation("hold", one, 0, (Operation("sleep", 0, 1), Operation("hold", other))),)
            for one, other in ((0, 1), (1, 0))
        ),
    ),
}


@pytest.mark.parametrize("backend", COROUTINES)
@pytest.mark.parametrize("why", WAITS_RIGHTLY)
def test_a_task_that_waits_rightly_is_not_accused(backend, why):
    """A program that has a deadlock of its own comes to rest; so does one that waits for what never comes."""
    result = make_trial(backend, FAMILIES["mixed"]).run(WAITS_RIGHTLY[why], "native 0")
    assert result.clause is None, result
    assert "waits" in result.state or "cancelled" in result.state
