"""A wait for a condition that times out holds the lock, but on curio, and a lock that is lost is seen."""

from __future__ import annotations

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import deadline_condition as condition

TAKEN, FREE = {"lock": "taken"}, {"lock": "free"}


def test_free_lock_is_taken_again(run_roles, backend):
    """When nobody else wants the lock it is held behind the wait."""
    report = run_roles(condition.condition_wait, FREE, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) == {condition.HELD}


def test_condition_of_curio_loses_its_lock(run_roles, backend):
    """A time-out while the lock is taken again leaves two tasks inside, on curio and on no other."""
    report = run_roles(condition.condition_wait, TAKEN, backend=backend)
    assert report.errors == {}
    if backend == "curio":  # not "always": the waiter may time out before it is notified
        assert condition.ENTERED in report.values["answer"]
    else:
        assert set(report.values["answer"]) == {condition.HELD}


@pytest.mark.parametrize(
    ("backend", "parameters", "answer"),
    [
        ("trio", FREE, condition.NOT_HELD),
        ("trio", TAKEN, condition.ENTERED),
        # Not with a free lock: where a cancellation is an edge, one of them does not disturb taking it.
        ("asyncio", TAKEN, condition.ENTERED),
    ],
)
def test_broken_contract_is_seen(run_roles, backend, parameters, answer):
    """A lock that is not, or not safely, taken again gives the forbidden answer."""
    report = run_roles(
        condition.condition_wait,
        parameters,
        backend=backend,
        wrap={"main": FAULTS["wait-cancelled-while-it-locks"].runtime},
    )
    assert report.errors == {}
    assert answer in report.values["answer"]
    assert report.violations == {"answer"}


def test_each_answer_is_expected_of_somebody():
    """Or is what a saboteur makes of it."""
    grades = condition.condition_wait.judges["answer"].grades
    assert set(grades) == {condition.HELD, condition.NOT_HELD, condition.ENTERED}
