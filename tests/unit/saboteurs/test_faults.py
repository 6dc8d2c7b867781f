"""Each fault makes a question that must see it give an answer that breaks its contract."""

from __future__ import annotations

import gc
import importlib
from contextlib import nullcontext

import pytest

from harness.plugins import Plugins
from harness.testing.wrapping import Wrapped

pytestmark = pytest.mark.filterwarnings(  # a broken runtime may raise anywhere
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::pytest.PytestUnhandledThreadExceptionWarning",
)
SCENARIOS = Plugins().catalogue().scenarios


ENDS_THE_PROCESS = {"shutdown.interrupt", "shutdown.exit-in-a-task", "shutdown.exit-nobody-awaits"}
"""Questions for a worker: asked here they would end the tests."""


SWEEPS = ("process.", "end.")
"""Families whose questions are sweeps, where two repetitions and 0.2 s are not enough; they have tests of their own."""


def _is_asked_here(name):
    starts_runtimes = SCENARIOS[name].drive is not None  # generated programs: tests/unit/explore
    return "." in name and name not in ENDS_THE_PROCESS and not name.startswith(SWEEPS) and not starts_runtimes


FIRST = {
    fault: question.name
    for question in reversed(SCENARIOS.values())
    for fault in question.catches
    if _is_asked_here(question.name)
}
"""The first question that must see a fault. What no question sees is checked for itself in `test_saboteurs`."""


class Impatient(Wrapped):
    """Ends a trial after 0.2 s, of which a healthy one takes less: some faults are there to hang."""

    def move_on_after(self, seconds):
        """Move on, but not late."""
        return self.inner.move_on_after(min(seconds, 0.2))


class Recorder:
    """A probe that keeps the keys whose values break the contract."""

    role = "main"
    seed = 1

    def __init__(self, scenario, row):
        self.parameters = {known.name: known.default for known in scenario.parameters} | row | {"repetitions": 2}
        self.broken = set()
        self._judges = scenario.judges

    def observe(self, key, value):
        if self._judges[key].breaks(value):
            self.broken.add(key)

    def step(self, actor, what):
        """Keep no trace."""

    def advance(self, count=1):
        """Count nothing."""

    def driving(self, what):
        """Mark nothing."""
        return nullcontext()

    def describe_tasks(self):
        """Describe nothing."""
        return []

    def looking_after(self, seconds):
        """Look at nothing."""
        return nullcontext([])


def list_recorders(question):
    """Return the question as a worker loads it, and a recorder for each of its rows in a quick run."""
    module, attribute = SCENARIOS[question].ref.split(":")
    scenario = getattr(importlib.import_module(module), attribute)
    return scenario, [Recorder(scenario, dict(row)) for row in scenario.preset_rows("quick") or ({},)]


@pytest.fixture(autouse=True, scope="module")
def _collect():
    """Collect what faults leave open in the module that plants them."""
    yield
    gc.collect()


@pytest.mark.parametrize(("fault", "question"), FIRST.items())
def test_broken_contract_is_seen(run_broken, fault, question):
    """In one of the rows of a quick run at least."""
    scenario, recorders = list_recorders(question)
    for recorder in recorders:
        run_broken(fault, lambda runtime, probe=recorder: scenario.roles["main"](runtime, probe), wrap=Impatient)
        if recorder.broken:
            return
    pytest.fail(f"{question} does not see {fault}")
