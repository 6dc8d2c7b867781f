"""A pending cancellation is kept in a block whose time-out is over, except by `Task.cancel`; a loss is seen."""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import deadline_pending as pending

QUESTION = pending.pending_cancellation


def test_each_runtime_keeps_the_cancellation(ask, backend):
    """As each runtime is taught first."""
    assert ask(QUESTION, backend, {"repetitions": 1}) == {pending.KEPT}


@pytest.mark.parametrize("spec", QUESTION.variants)
def test_a_pending_cancellation_of_a_task_is_lost(ask, spec):
    """On each version: gh-134471."""
    assert ask(QUESTION, spec, {"repetitions": 1}) == {pending.LOST}


def test_broken_contract_is_seen(run_roles):
    """With the form and the time at which it was lost."""
    wrap = {"main": FAULTS["time-out-of-zero-takes-all"].runtime}
    report = run_roles(QUESTION, {"repetitions": 1}, wrap=wrap)
    assert report.violations == {"answer"}
    assert report["not kept"] == "move_on_after, 0 s, 1 block further in"
