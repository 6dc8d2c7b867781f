"""What every wait promises holds on each runtime, and one that breaks it is seen."""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import waits
from harness_scenarios.behaviours.question import NEVER_ENDS

from .impatient import impatient

SCENARIOS = {scenario.name: scenario for scenario in waits.SCENARIOS}
HEALTHY = {
    "cancel.ends-every-wait": waits.EACH_IS_CANCELLED,
    "fairness.sleep-blocks-nobody": waits.OTHERS_RUN,
    "lock.event-wakes-every-waiter": waits.EACH_GOES_ON,
}
SABOTEURS = [
    ("cancel.ends-every-wait", "cancels-nothing", NEVER_ENDS),
    ("cancel.ends-every-wait", "sleep-swallows-cancellation", waits.RETURNS),
    ("fairness.sleep-blocks-nobody", "loop-blocked", waits.OTHERS_STAND_STILL),
    ("lock.event-wakes-every-waiter", "event-wakes-nobody", NEVER_ENDS),
    ("lock.event-wakes-every-waiter", "event-forgets-a-waiter", NEVER_ENDS),
]


@pytest.mark.parametrize("name", HEALTHY)
def test_promise_holds_on_each_backend(run_roles, backend, name):
    """No runtime differs."""
    report = run_roles(SCENARIOS[name], {}, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values["answer"]) == {HEALTHY[name]}


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_promise_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    saboteur = FAULTS[fault].runtime
    wrap = impatient(saboteur) if answer == NEVER_ENDS else {"main": saboteur}
    report = run_roles(SCENARIOS[name], {}, backend=FAULTS[fault].control, wrap=wrap)
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


def test_wait_that_is_not_cancelled_is_named(run_roles):
    """The first one that is not."""
    wrap = {"main": FAULTS["sleep-swallows-cancellation"].runtime}
    assert run_roles(SCENARIOS["cancel.ends-every-wait"], {}, wrap=wrap)["not cancelled"] == "sleep"
