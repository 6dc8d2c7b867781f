"""How long a task group lasts, and what its tasks get: known answers, and every broken contract is seen."""

import sys

import pytest

from harness.api import Grade
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import group_lifetime as lifetime

from .group_saboteurs import DropsLateTasks

SCENARIOS = {scenario.name.removeprefix("group."): scenario for scenario in lifetime.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
OTHERS = ("trio", "curio", "threads")
ALL = (*LOOPS, *OTHERS)
BY_BODY, BY_FAILURE, BY_CANCELLATION = (
    {"by": by} for by in ("the end of the body", "a failure of a sibling", "a cancellation")
)
IGNORES = {"task": "ignores the cancellation"}
WHEN_BODY_ENDED, WHEN_CANCELLED, WHEN_ENDED = (
    {"when": when} for when in ("its body has ended", "it is cancelled", "it has ended")
)
INHERITS = getattr(sys.flags, "thread_inherit_context", 0)

EXPECTED = [
    ("no-task-outlives-it", BY_BODY, {lifetime.ALL_ENDED: ALL}),
    ("no-task-outlives-it", BY_FAILURE, {lifetime.ALL_ENDED: ALL}),
    ("no-task-outlives-it", BY_FAILURE | IGNORES, {lifetime.ALL_ENDED: ALL}),
    ("no-task-outlives-it", BY_CANCELLATION, {lifetime.ALL_ENDED: ALL}),
    ("no-task-outlives-it", BY_CANCELLATION | IGNORES, {lifetime.ALL_ENDED: ALL}),
    ("spawn-late", WHEN_BODY_ENDED, {lifetime.LATE_RUNS: ALL}),
    ("spawn-late", WHEN_CANCELLED, {lifetime.LATE_IS_REFUSED: LOOPS, lifetime.LATE_IS_CANCELLED: OTHERS}),
    ("spawn-late", WHEN_ENDED, {lifetime.LATE_IS_REFUSED: ALL}),
    (
        "context-inherited",
        {},
        {
            lifetime.COPIED: ("asyncio", "uvloop", "trio", *["threads"] * INHERITS),
            lifetime.SHARED: ("curio",),
            lifetime.EMPTY: ("threads",) * (1 - INHERITS),
        },
    ),
]
"""Each question with its parameters, its answers and the runtimes that give them."""

GATHERED = [
    ("no-task-outlives-it", BY_BODY, lifetime.ALL_ENDED),
    ("no-task-outlives-it", BY_FAILURE, lifetime.OUTLIVES),
    ("no-task-outlives-it", BY_CANCELLATION, lifetime.ALL_ENDED),
    ("spawn-late", WHEN_BODY_ENDED, lifetime.LATE_RUNS),
    ("spawn-late", WHEN_ENDED, lifetime.LATE_IS_NOBODYS),
]
"""Questions with their parameters and the answer of `asyncio.gather`."""

SABOTEURS = [
    ("no-task-outlives-it", BY_BODY, "asyncio", FAULTS["child-outlives-group"].runtime, lifetime.OUTLIVES),
    ("no-task-outlives-it", BY_FAILURE, "curio", FAULTS["child-outlives-group"].runtime, lifetime.OUTLIVES),
    ("spawn-late", WHEN_CANCELLED, "asyncio", FAULTS["late-child-accepted"].runtime, lifetime.LATE_RUNS_ON),
    ("spawn-late", WHEN_ENDED, "threads", FAULTS["late-child-accepted"].runtime, lifetime.LATE_IS_NOBODYS),
]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(("name", "parameters", "expected"), EXPECTED)
def test_each_runtime_answers_as_known(ask, backend, name, parameters, expected):
    """The known difference appears on the runtimes where it lives and on no other."""
    answers = ask(SCENARIOS[name], backend, {"repetitions": 1, **parameters})
    assert answers == {answer for answer, runtimes in expected.items() if backend in runtimes}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("name", "parameters", "answer"), GATHERED)
def test_gather_answers_as_known(ask, loop, name, parameters, answer):
    """Behind a failure, and behind the block, tasks of `gather` belong to nobody."""
    spec = f"{loop}:group=gather"
    assert spec in SCENARIOS[name].variants
    assert ask(SCENARIOS[name], spec, {"repetitions": 1, **parameters}) == {answer}


@pytest.mark.parametrize(("name", "parameters", "backend", "saboteur", "answer"), SABOTEURS)
def test_broken_contract_is_seen(ask, name, parameters, backend, saboteur, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    answers = ask(SCENARIOS[name], backend, {"repetitions": 1, **parameters}, wrap=saboteur)
    assert answers == {answer}
    assert SCENARIOS[name].judges["answer"].grades[answer].grade is Grade.FORBIDDEN


def test_task_that_is_accepted_and_dropped_is_seen(ask):
    """A cancelled group that takes a task and never starts it gives an answer of its own."""
    answers = ask(SCENARIOS["spawn-late"], "trio", WHEN_CANCELLED, wrap=DropsLateTasks)
    assert answers == {lifetime.LATE_NEVER_STARTS}


def test_start_order_is_a_frequency(ask, backend):
    """Loops start tasks in order; trio reverses about every other batch, of whatever is a batch then; threads vary."""
    answers = ask(SCENARIOS["start-order"], backend, {"repetitions": 40})
    if backend in ("trio", "threads"):
        assert answers <= {lifetime.IN_ORDER, lifetime.IN_REVERSE, lifetime.IN_ANOTHER_ORDER}
    else:
        assert answers == {lifetime.IN_ORDER}


def test_start_order_is_nobodys_fault():
    """No order is forbidden, and what an operating system does by chance is not even worth a word."""
    grades = SCENARIOS["start-order"].judges["answer"].grades
    assert {answer: graded.grade for answer, graded in grades.items()} == {
        lifetime.IN_ORDER: Grade.ALLOWED,
        lifetime.IN_REVERSE: Grade.INTERESTING,
        lifetime.IN_ANOTHER_ORDER: Grade.ALLOWED,
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_expected_is_declared(name):
    """Every answer that is expected is one of the question's."""
    grades = SCENARIOS[name].judges["answer"].grades
    known = {answer for asked, _, answers in EXPECTED if asked == name for answer in answers}
    known |= {answer for asked, _, _, _, answer in SABOTEURS if asked == name}
    assert known <= set(grades)
