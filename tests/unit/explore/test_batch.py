"""A program that hangs, crashes, leaks or eats memory costs itself, is named, and the rest of its batch is run."""

import faulthandler
import os
import time

import pytest

from harness.api import Subject
from harness.explore import posix
from harness.explore.batch import Batch
from harness.explore.clauses import Clause
from harness.explore.families import FAMILIES
from harness.explore.grammar import Grammar, Rule
from harness.explore.operations import Job, JobFailure

pytestmark = pytest.mark.filterwarnings("ignore")


class FakeProbe:
    """Keeps what is observed."""

    role = "main"
    seed = 5

    def __init__(self, programs):
        self.parameters = {
            "programs": programs,
            "first": 0,
            "seed": None,
            "schedules": 1,
            "trace": False,
            "deviations": 0,
            "against": "",
        }
        self.observed = {}
        self.failures = {}
        self.progress = 0

    def observe(self, key, value):
        if key == "failure":
            self.failures[value["clause"]] = value
        self.observed[key] = value

    def step(self, actor, what):
        raise AssertionError

    def advance(self, count=1):
        self.progress += count


async def spin(player, operation):
    while True:
        time.sleep(0.01)


async def crash(player, operation):
    faulthandler.disable()  # pytest's, or the stack is printed between its dots
    os.abort()


async def leak(player, operation):
    os.dup(0)


HOARD = []


async def eat(player, operation):
    HOARD.append(bytearray(1 << 30))


def _run(perform, programs=30, weights=None, tasks=(1, 2), **parameters):
    rule = Rule(name="break", perform=perform, clause="none")
    weights = weights or {"checkpoint": 60, "break": 1}
    grammar = Grammar(resources=(), weights=weights, rules={"break": rule}, tasks=tasks)
    probe = FakeProbe(programs)
    probe.parameters |= parameters
    subject = Subject(
        make_runner=lambda: __import__("harness_asyncio.backend").backend.AsyncioRunner({}),
        options={},
        schedules="harness_asyncio.schedule:AsyncioSchedules",
    )
    Batch("broken", grammar, subject, probe).run()
    return probe


@pytest.mark.parametrize(
    ("perform", "clause", "detail"),
    [
        (spin, "hangs", "no progress"),
        (crash, "crashes", "killed by SIGABRT"),
        (leak, "leaks", "descriptors more than before"),
        (eat, "memory limits exceeded", "MemoryError"),
    ],
)
def test_a_harmful_program_costs_itself(perform, clause, detail, monkeypatch):
    """It is named and made smaller; every other program of the batch is run and shows nothing."""
    monkeypatch.setattr(posix, "_LOOK", 0.02)
    probe = _run(perform)
    broken = {key: value for key, value in probe.observed.items() if value and key in _CLAUSES}
    assert list(broken) == [clause]
    assert 0 < broken[clause] < 5
    assert probe.observed["programs"] == 30
    failure = probe.failures[clause]
    assert detail in failure["detail"]
    assert failure["program"].startswith("broken/5/")
    assert failure["text"][1].startswith("task 0: ")
    assert failure["text"] == ["shared: nothing", "task 0: break 0 x0"]


_CLAUSES = {clause.value for clause in Clause}


def test_a_healthy_batch_reports_every_clause():
    """Each is observed, with nothing broken, so that a report can say that it was looked at."""

    async def nothing(player, operation):
        await player.play.runtime.checkpoint()

    probe = _run(nothing, 20)
    assert {probe.observed[name] for name in _CLAUSES} == {0}
    assert probe.observed["programs"] == probe.observed["runs"] == 20
    assert probe.progress > 0
    assert probe.failures == {}


async def in_order(player, operation):
    players = player.play.players
    if not all(other.started for other in players[: players.index(player)]):
        player.play.breach(Clause.ITEM_ORDER, f"{player.name} starts before another one")


def test_a_failure_that_needs_an_excluded_order_is_no_defect():
    """Asyncio starts tasks in the order of their creation; the label says so, and the clause counts as kept."""
    probe = _run(in_order, 6, weights={"break": 1}, tasks=(2, 2), schedules=3)
    assert probe.observed["items out of order"] == probe.observed["failing programs"] == 0
    assert probe.observed["excluded programs"] > 0
    assert probe.failures["items out of order"]["label"] == "excluded"
    assert probe.failures["items out of order"]["stock"] == "0 of 40"
    assert probe.failures["items out of order"]["schedule"].startswith("deviations ")


def test_a_small_program_is_run_in_every_order_with_few_deviations():
    """What needs a single change of the native order is found without luck."""
    probe = _run(in_order, 1, weights={"break": 1}, tasks=(2, 2), deviations=1)
    assert probe.failures["items out of order"]["found_under"].startswith("deviations ")


def test_programs_with_threads_run_on_the_unmodified_runtime():
    """On its clock, in its order, and a tenth of them: a schedule controls no thread."""
    probe = FakeProbe(100)
    subject = Subject(
        make_runner=lambda: __import__("harness_asyncio.backend").backend.AsyncioRunner({}),
        options={},
        schedules="harness_asyncio.schedule:AsyncioSchedules",
    )
    Batch("offload", FAMILIES["offload"], subject, probe).run()
    assert probe.observed["programs"] == probe.observed["runs"] == 10
    assert probe.observed["failing programs"] == 0


def test_a_task_waits_for_a_call_only_while_its_function_runs():
    """At rest, a call that has returned and whose caller still waits is a lost wake-up."""
    job = Job(0.0)
    assert job.find_breach("a call") is None
    assert job.run() is job
    assert job.find_breach("a call") == (Clause.LOST_WAKE_UP, "waits in a call although the function has returned")
    with pytest.raises(JobFailure):
        Job(0.0).fail()
