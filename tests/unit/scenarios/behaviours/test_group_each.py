"""One task among several fails or is cancelled: known answers, and a group that forgets one is seen."""

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import group_each as each

FORGETS = (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
"""Eager tasks of these versions: gh-128550."""
SABOTEURS = [
    (each.failure_cancels_each, "first-child-not-cancelled", each.SOME),
    (each.failure_cancels_each, "third-child-not-cancelled", each.SOME),
    (each.cancel_one, "cancels-nothing", each.NONE_ENDS),
    (each.cancel_one, "cancel-reaches-the-next-scope", each.OTHERS_END),
]


def test_each_of_several_is_cancelled_or_none_is(ask, backend):
    """A thread that fails cancels nothing."""
    assert ask(each.failure_cancels_each, backend) == {each.NONE if backend == "threads" else each.EACH}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_eager_tasks_forget_the_one_that_starts_the_failing_one(ask):
    """And name the case."""
    assert ask(each.failure_cancels_each, "asyncio:eager=true") == {each.SOME if FORGETS else each.EACH}


def test_one_that_is_cancelled_ends_alone(ask, backend):
    """On each runtime."""
    assert ask(each.cancel_one, backend) == {each.ONE_ENDS}


@pytest.mark.parametrize(("question", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, question, fault, answer):
    """With the position."""
    report = run_roles(question, {}, backend=FAULTS[fault].control, wrap={"main": FAULTS[fault].runtime})
    assert report.errors == {}
    assert report["answer"] == answer
    assert report.violations == {"answer"}
    assert "number" in report["case"]
