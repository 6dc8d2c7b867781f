"""A program that hangs, crashes, leaks or eats memory costs itself, is named, and the rest of its batch is run."""

import os
import time

import pytest

from harness.api import Subject
from harness.explore import batch as batch_module
from harness.explore.batch import Batch
from harness.explore.grammar import Grammar, Rule

pytestmark = pytest.mark.filterwarnings("ignore")


class FakeProbe:
    """Keeps what is observed."""

    role = "main"
    seed = 5

    def __init__(self, programs):
        self.parameters = {"programs": programs, "first": 0, "seed": None, "schedules": 1, "trace": False}
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
    os.abort()


async def leak(player, operation):
    os.dup(0)


HOARD = []


async def eat(player, operation):
    HOARD.append(bytearray(1 << 30))


def _run(perform, programs=30):
    rule = Rule(name="break", perform=perform, clause="none")
    grammar = Grammar(resources=(), weights={"checkpoint": 60, "break": 1}, rules={"break": rule}, tasks=(1, 2))
    probe = FakeProbe(programs)
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
        (eat, "unexpected errors", "MemoryError"),
    ],
)
def test_a_harmful_program_costs_itself(perform, clause, detail, monkeypatch):
    """It is named and made smaller; every other program of the batch is run and shows nothing."""
    if perform is spin:
        monkeypatch.setattr(batch_module, "_PROGRAM_SECONDS", 1.0)
    probe = _run(perform)
    broken = {key: value for key, value in probe.observed.items() if value and key in _CLAUSES}
    assert list(broken) == [clause]
    assert 0 < broken[clause] < 5
    assert probe.observed["programs"] == 30
    failure = probe.failures[clause]
    assert detail in failure["detail"]
    assert failure["program"].startswith("broken/5/")
    assert failure["text"][1].startswith("task 0: ")
    if clause != "leaks":
        assert failure["text"] == ["shared: nothing", "task 0: break 0 x0"]


_CLAUSES = {clause.value for clause in batch_module.Clause}


def test_a_healthy_batch_reports_every_clause():
    """Each is observed, with nothing broken, so that a report can say that it was looked at."""

    async def nothing(player, operation):
        await player.play.runtime.checkpoint()

    probe = _run(nothing, 20)
    assert {probe.observed[name] for name in _CLAUSES} == {0}
    assert probe.observed["programs"] == probe.observed["runs"] == 20
    assert probe.progress > 0
    assert probe.failures == {}
