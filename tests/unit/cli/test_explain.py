"""`harness explain` shows the code that asks the question."""

import inspect

import pytest

from harness.plugins import Plugins


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cancel.shielded-call", "run_shielded(protected)"),
        ("end.second-run", "Program"),
        ("leak.connections", "runtime.listen()"),
    ],
)
def test_the_code_is_that_of_the_question(harness, name, code):
    """Not that of the loop which asks it many times."""
    status, out, _ = harness("explain", name)
    assert status == 0
    assert code in out
    assert "_ask_once" not in out


def test_each_role_has_code_that_can_be_shown():
    """In a module of its own, not in one that makes questions of functions."""
    makers = ("question.py", "end_question.py", "leaks.py:_make")
    for scenario in Plugins().catalogue().scenarios.values():
        for function in scenario.roles.values():
            own = inspect.unwrap(function)
            assert not inspect.getsourcefile(own).endswith(makers), scenario.name
            assert inspect.getsource(function)
