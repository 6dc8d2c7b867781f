"""How a cancellation is delivered: each runtime answers as known, and every broken contract is seen."""

from __future__ import annotations

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import cancel
from harness_scenarios.behaviours.question import NEVER_ENDS

from .impatient import impatient

SCENARIOS = {scenario.name.removeprefix("cancel."): scenario for scenario in cancel.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
LOOPS = ("asyncio", "uvloop")
OTHERS = ("trio", "curio", "threads")
LEVEL = ("trio", "threads")
EDGE = ("asyncio", "uvloop", "curio")
WAKE_UP, CANCELLATION = {"first": "wake-up"}, {"first": "cancellation"}

EXPECTED = [
    ("repeated-at-each-wait", {}, {cancel.AGAIN: LEVEL, cancel.ONCE: EDGE}),
    ("swallowed-leaves-nothing-behind", {}, {cancel.NOTHING_LEFT: ALL}),
    ("before-first-step", {"by": "failure"}, {cancel.NEVER_STARTED: LOOPS, cancel.TO_ITS_FIRST_WAIT: OTHERS}),
    ("before-first-step", {"by": "call"}, {cancel.TO_ITS_FIRST_WAIT: ALL}),
    ("wake-up-in-the-same-turn", WAKE_UP, {cancel.AT_THE_NEXT_WAIT: ALL}),
    ("wake-up-as-the-group-fails", {}, {cancel.AT_THE_WAIT: LOOPS, cancel.AT_THE_NEXT_WAIT: OTHERS}),
    ("not-lost-in-a-timed-call", WAKE_UP, {cancel.AT_THE_NEXT_WAIT: ALL}),
    ("as-the-block-ends", WAKE_UP, {cancel.ENDS_BY_ITSELF: ALL}),
    ("nested-in-the-same-turn", {}, {cancel.BOTH_LEFT: ALL}),
    ("tells-its-reason", {}, {cancel.TELLS: OTHERS, cancel.TELLS_NOT: LOOPS}),
]
"""Each question with its parameters, its answers and the runtimes that give them."""

CANCELLED_FIRST = [
    ("wake-up-in-the-same-turn", {cancel.AT_THE_WAIT}),
    ("not-lost-in-a-timed-call", {cancel.AT_THE_WAIT}),
    ("as-the-block-ends", {cancel.IS_CANCELLED}),
]

SABOTEURS = [
    ("before-first-step", {"by": "call"}, "trio", "cancels-nothing", NEVER_ENDS),
    ("before-first-step", {"by": "failure"}, "trio", "cancels-nothing", NEVER_ENDS),
    ("repeated-at-each-wait", {}, "trio", "cancels-nothing", NEVER_ENDS),
    ("swallowed-leaves-nothing-behind", {}, "asyncio", "cancellation-left-behind", cancel.STILL_CANCELLED),
    ("swallowed-leaves-nothing-behind", {}, "trio", "time-out-hidden", cancel.WRONG_BLAME),
    ("wake-up-in-the-same-turn", WAKE_UP, "trio", "cancels-nothing", cancel.LOST),
    ("wake-up-as-the-group-fails", {}, "trio", "first-child-not-cancelled", cancel.LOST),
    ("not-lost-in-a-timed-call", CANCELLATION, "asyncio", "timed-call-swallows-cancellation", cancel.LOST),
    ("not-lost-in-a-timed-call", CANCELLATION, "curio", "timed-call-swallows-cancellation", cancel.LOST),
    ("as-the-block-ends", WAKE_UP, "trio", "cancellation-left-behind", cancel.LEAKS),
    ("nested-in-the-same-turn", {}, "trio", "cancels-once", cancel.OUTER_RUNS_ON),
    ("nested-in-the-same-turn", {}, "threads", "cancels-once", cancel.OUTER_RUNS_ON),
]


@pytest.mark.parametrize(("name", "parameters", "answers"), EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name, parameters, answers):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_roles(SCENARIOS[name], parameters, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) == {answer for answer, backends in answers.items() if backend in backends}


@pytest.mark.parametrize(("name", "answers"), CANCELLED_FIRST)
def test_a_cancellation_that_comes_first_wins(run_roles, backend, name, answers):
    """On a loop it does; on threads the wake-up may overtake a thread that has not yet begun to wait."""
    report = run_roles(SCENARIOS[name], CANCELLATION, backend=backend)
    seen = set(report.values["answer"])
    if backend == "threads":
        assert report.violations == set()
    else:
        assert seen == answers


@pytest.mark.parametrize(("name", "parameters", "backend", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, parameters, backend, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    pytest.importorskip(f"harness_{backend}.backend", exc_type=(ImportError, AttributeError))
    saboteur = FAULTS[fault].runtime
    wrap = impatient(saboteur) if answer == NEVER_ENDS else {"main": saboteur}
    report = run_roles(SCENARIOS[name], parameters, backend=backend, wrap=wrap)
    assert report.errors == {}
    assert answer in report.values["answer"]
    assert report.violations == {"answer"}


@pytest.mark.parametrize("backend", LOOPS)
@pytest.mark.parametrize(
    ("parameters", "since_3_12"), [(WAKE_UP, cancel.AT_THE_NEXT_WAIT), (CANCELLATION, cancel.AT_THE_WAIT)]
)
def test_wait_for_loses_the_cancellation_of_its_caller(ask, backend, parameters, since_3_12):
    """Up to Python 3.11, when the call completes in the same turn."""
    question = SCENARIOS["not-lost-in-a-timed-call"]
    spec = f"{backend}:timeout=wait_for"
    assert spec in question.variants
    assert ask(question, spec, parameters) == {cancel.LOST if sys.version_info < (3, 12) else since_3_12}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_expected_of_somebody(name):
    """Or is what a saboteur makes of it."""
    grades = SCENARIOS[name].judges["answer"].grades
    known = {answer for asked, _, answers in EXPECTED if asked == name for answer in answers}
    known |= {answer for asked, answers in CANCELLED_FIRST if asked == name for answer in answers}
    known |= {answer for asked, _, _, _, answer in SABOTEURS if asked == name} - {NEVER_ENDS}
    assert known == set(grades)
