"""What a failure in a task group does: each runtime answers as known, and every broken contract is seen."""

import sys

import pytest

from harness.api import Grade
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import group, group_around
from harness_scenarios.behaviours.question import NEVER_ENDS

from .group_saboteurs import ForgetsToUncancel, ReportsAllButOne, SecondRaisesLate
from .impatient import Impatient

SCENARIOS = {scenario.name.removeprefix("group."): scenario for scenario in (*group.SCENARIOS, *group_around.SCENARIOS)}
LOOPS = ("asyncio", "uvloop")
STRUCTURED = (*LOOPS, "trio")
LOGGING = ("curio", "threads")
ALL = (*STRUCTURED, *LOGGING)
CURIO_OR_STRUCTURED = (*STRUCTURED, "curio")
SINCE_3_13 = sys.version_info >= (3, 13)

EXPECTED = {
    "failure-reaches-the-parent": {group.IN_A_GROUP: STRUCTURED, group.NEVER: LOGGING},
    "failure-cancels-siblings": {group.CANCELLED: CURIO_OR_STRUCTURED, group.RUNS_ON: ("threads",)},
    "failure-in-the-body": {group.CHILD_CANCELLED_GROUP: STRUCTURED, group.CHILD_CANCELLED_PLAIN: LOGGING},
    "two-failures": {group.BOTH_RAISED: STRUCTURED, group.NEITHER_RAISED: LOGGING},
    "failure-in-cleanup": {
        group.BOTH_RAISED: STRUCTURED,
        group.NEITHER_RAISED: ("curio",),
        group.NOT_CANCELLED: ("threads",),
    },
    "failure-while-cancelled": {group.RAISED: STRUCTURED, group.REPORTED: LOGGING},
    "nested-failures": {
        group_around.OUTER_CANCELLED: STRUCTURED if SINCE_3_13 else ("trio",),
        group_around.OUTER_RUNS_ON: () if SINCE_3_13 else LOOPS,
        group_around.NO_BODY_ENDS: LOGGING,
    },
    "cancel-after-failure": {
        group_around.ENDS_THE_BLOCK: ALL if SINCE_3_13 else ("trio", "curio", "threads"),
        group_around.LEAKS: () if SINCE_3_13 else LOOPS,
    },
}
"""For each question the answers and the runtimes that give them."""

GATHERED = {
    "failure-reaches-the-parent": group.AS_IT_IS,
    "failure-cancels-siblings": group.RUNS_ON,
    "failure-in-the-body": group.CHILD_CANCELLED_PLAIN,
    "two-failures": group.ONE_LOST,
    "failure-in-cleanup": group.NOT_CANCELLED,
    "failure-while-cancelled": group.LOST,
}
"""For each question the answer of `asyncio.gather`."""

SABOTEURS = [
    ("failure-reaches-the-parent", "trio", FAULTS["failure-wakes-nobody"].runtime, NEVER_ENDS),
    ("failure-cancels-siblings", "trio", FAULTS["failure-wakes-nobody"].runtime, NEVER_ENDS),
    ("failure-in-the-body", "trio", FAULTS["failure-swallowed"].runtime, group.CHILD_CANCELLED_LOST),
    ("failure-in-the-body", "trio", FAULTS["failed-body-cancels-nobody"].runtime, group.CHILD_RUNS_ON),
    ("failure-in-the-body", "threads", FAULTS["failed-body-cancels-nobody"].runtime, group.CHILD_RUNS_ON),
    ("two-failures", "trio", FAULTS["second-failure-lost"].runtime, group.ONE_LOST),
    ("two-failures", "asyncio", FAULTS["failure-swallowed"].runtime, group.ONE_LOST),
    ("failure-in-cleanup", "trio", FAULTS["second-failure-lost"].runtime, group.ONE_LOST),
    ("failure-while-cancelled", "trio", FAULTS["failure-swallowed"].runtime, group.LOST),
    ("nested-failures", "trio", SecondRaisesLate, group_around.OUTER_RUNS_ON),
    ("cancel-after-failure", "asyncio", ForgetsToUncancel, group_around.LEAKS),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(ask, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    answers = ask(SCENARIOS[name], backend, {"repetitions": 2})
    assert answers == {answer for answer, runtimes in EXPECTED[name].items() if backend in runtimes}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", GATHERED)
def test_gather_answers_as_known(ask, loop, name):
    """The first error leaves at once as it is, siblings run on, and later errors are lost."""
    spec = f"{loop}:group=gather"
    assert spec in SCENARIOS[name].variants
    assert ask(SCENARIOS[name], spec, {"repetitions": 2}) == {GATHERED[name]}


def test_body_that_waits_is_uncancelled(ask, backend):
    """A group that cancelled its waiting body undoes that everywhere: only one whose body had ended forgets it."""
    answers = ask(SCENARIOS["cancel-after-failure"], backend, {"repetitions": 1, "when": "the body waits"})
    assert answers == {group_around.ENDS_THE_BLOCK}


@pytest.mark.parametrize(("name", "backend", "saboteur", "answer"), SABOTEURS)
def test_broken_contract_is_seen(ask, name, backend, saboteur, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    hangs = answer == NEVER_ENDS
    wrap = (lambda runtime: Impatient(saboteur(runtime))) if hangs else saboteur
    answers = ask(SCENARIOS[name], backend, {"repetitions": 1}, wrap=wrap)
    grades = SCENARIOS[name].judges["answer"].grades
    assert answers == {answer}
    assert answer not in grades or grades[answer].grade is Grade.FORBIDDEN


def test_error_that_is_reported_is_not_lost(ask):
    """Where the parent gets one error and somebody asks for the text of the other one, none is lost."""
    answers = ask(SCENARIOS["two-failures"], "trio", {"repetitions": 1}, wrap=ReportsAllButOne)
    assert answers == {group.ONE_RAISED}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_expected_of_somebody(name):
    """Or is what a saboteur makes of it."""
    grades = SCENARIOS[name].judges["answer"].grades
    known = set(EXPECTED[name]) | {GATHERED.get(name)} - {None}
    known |= {answer for asked, _, _, answer in SABOTEURS if asked == name} - {NEVER_ENDS}
    assert set(grades) - known <= {group.ONE_RAISED}
    assert known <= set(grades)
