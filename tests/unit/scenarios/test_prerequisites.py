"""Prerequisites of the shipped questions: each is there, none depends on itself, and calls in helpers count."""

import pytest

from harness.plugins import Plugins

SCENARIOS = Plugins().catalogue().scenarios
DECLARED = {name: scenario.prerequisites for name, scenario in SCENARIOS.items() if scenario.prerequisites}


def all_below(name):
    below = set(SCENARIOS[name].prerequisites)
    return below.union(*map(all_below, below))


@pytest.mark.parametrize("name", DECLARED)
def test_each_is_a_scenario_and_none_needs_itself(name):
    """A circle would end in the recursion limit."""
    assert set(DECLARED[name]) <= set(SCENARIOS)
    assert name not in all_below(name)


def test_a_question_needs_what_its_code_calls():
    """Directly, and in functions and classes beside it."""
    assert DECLARED["lock.order-of-waiters"] == ("lock.event-wakes-every-waiter",)
    assert DECLARED["stream.two-readers"] == ("lock.event-wakes-every-waiter", "stream.sizes-both-ways")
    assert "channel.crowds-of-both-ends" in DECLARED["cancel.receive-keeps-item"]
    assert "lock.release-free" not in DECLARED
