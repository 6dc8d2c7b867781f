"""Ctrl-C: each runtime answers as known, and an interrupt that is lost is seen.

In a process of its own, where the signal reaches nobody else.
"""

import json
import subprocess
import sys

import pytest

from harness.api import ENDING, Outcomes
from harness_scenarios.behaviours import shutdown_interrupt as interrupt
from harness_scenarios.behaviours.shutdown_interrupt import (
    BODY_FIRST,
    CANCELLED,
    IN_THE_BODY,
    IN_THE_TASK,
    INTERRUPTED,
    TASK_FIRST,
    WHILE_ALL_WAIT,
)

JUDGES = interrupt.interrupt.judges
GRADED = [judge for judge in JUDGES.values() if isinstance(judge, Outcomes)]
PLAIN, GROUPED = "raises KeyboardInterrupt", "raises BaseExceptionGroup(KeyboardInterrupt)"
BODY, TASK, ORDER = "what the body sees", "what the task sees", "who cleans up"

ALL_CANCELLED = (PLAIN, CANCELLED, CANCELLED, BODY_FIRST)
BODY_INTERRUPTED = (PLAIN, INTERRUPTED, CANCELLED, BODY_FIRST)
TASK_INTERRUPTED = (PLAIN, CANCELLED, INTERRUPTED, TASK_FIRST)
EXPECTED = {
    "asyncio": dict.fromkeys((WHILE_ALL_WAIT, IN_THE_BODY, IN_THE_TASK), ALL_CANCELLED),
    "uvloop": dict.fromkeys((WHILE_ALL_WAIT, IN_THE_BODY, IN_THE_TASK), ALL_CANCELLED),
    "trio": {
        WHILE_ALL_WAIT: (GROUPED, *BODY_INTERRUPTED[1:]),
        IN_THE_BODY: (GROUPED, *BODY_INTERRUPTED[1:]),
        IN_THE_TASK: (GROUPED, *TASK_INTERRUPTED[1:]),
    },
    "curio": {
        WHILE_ALL_WAIT: (PLAIN, CANCELLED, CANCELLED, TASK_FIRST),
        IN_THE_BODY: BODY_INTERRUPTED,
        IN_THE_TASK: TASK_INTERRUPTED,
    },
    "threads": dict.fromkeys((WHILE_ALL_WAIT, IN_THE_BODY, IN_THE_TASK), BODY_INTERRUPTED),
}
"""For each runtime and each moment: how the run ends, what the body and the task see, and who cleans up first."""

PROGRAM = """
import contextlib, importlib, json, sys
from harness.worker.errors import describe_ending
from harness_scenarios.behaviours.shutdown_interrupt import interrupt
from harness_saboteurs import FAULTS

name, wrap, moments = sys.argv[1], sys.argv[2], sys.argv[3:]
runner_class = getattr(importlib.import_module(f"harness_{name}.backend"), f"{name.capitalize()}Runner")
wrap = FAULTS[wrap].runtime if wrap else lambda runtime: runtime


class Probe:
    def __init__(self, when):
        self.parameters = {"when": when}
        self.values = {}

    def observe(self, key, value):
        self.values[key] = value

    def step(self, actor, what):
        pass

    def driving(self, what):
        return contextlib.nullcontext()


for when in moments:
    probe, raised = Probe(when), None
    try:
        runner_class({}).run(lambda runtime: interrupt.main(wrap(runtime), probe), lambda exc, context: None)
    except BaseException as exc:
        raised = exc
    print(json.dumps({"when": when, "ending": describe_ending(raised), **probe.values}))
"""


def be_interrupted(backend, *moments, wrap=""):
    """Run the scenario at some moments; return what was observed, with the ending, by moment."""
    pytest.importorskip(f"harness_{backend}.backend", exc_type=(ImportError, AttributeError))
    command = [sys.executable, "-c", PROGRAM, backend, wrap, *moments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return {line.pop("when"): line for line in lines}


@pytest.mark.parametrize("backend", EXPECTED)
def test_each_runtime_answers_as_known(backend):
    """The class that leaves the run, who sees the interrupt and who cleans up first differ; no contract is broken."""
    seen = be_interrupted(backend, *EXPECTED[backend])
    found = {when: (facts[ENDING], facts[BODY], facts[TASK], facts[ORDER]) for when, facts in seen.items()}
    assert found == EXPECTED[backend]
    for facts in seen.values():
        assert not broken_keys(facts)


@pytest.mark.parametrize(
    ("backend", "saboteur", "keys"),
    [
        ("trio", "exit-swallowed", {ENDING}),
        ("threads", "exit-swallowed", {ENDING}),
        ("asyncio", "child-outlives-group", {TASK, ORDER}),
    ],
)
def test_broken_contract_is_seen(backend, saboteur, keys):
    """An interrupt that is lost, and a task that is not ended by it, break the contract."""
    seen = be_interrupted(backend, IN_THE_BODY, wrap=saboteur)
    assert broken_keys(seen[IN_THE_BODY]) == keys


def test_each_answer_is_expected_of_somebody_or_forbidden():
    """What is graded as fine is what some runtime does."""
    known = {answer for moments in EXPECTED.values() for facts in moments.values() for answer in facts}
    fine = {answer for judge in GRADED for answer in judge.grades if not judge.breaks(answer)}
    assert fine == known


def broken_keys(facts):
    """Return the keys with a value that is forbidden or not listed."""
    return {key for key, value in facts.items() if JUDGES[key].breaks(value)}
