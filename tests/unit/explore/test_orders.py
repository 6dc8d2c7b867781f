"""Policy or semantics, and the scripts of what was found."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.compare.policy import classify
from harness.explore.orders import select_questions
from harness.plugins import Plugins

FOUND = Path(__file__).parents[3] / "docs" / "found"


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"a": {"x": 3}, "b": {"x": 200}}, "same"),
        ({"a": {"x": 3, "y": 1}, "b": {"x": 200}}, "policy"),
        ({"a": {"x": 3}, "b": {"y": 200}}, "semantic"),
        ({"a": {"x": 3, "y": 1}, "b": {"y": 1, "z": 1}, "c": {"x": 1, "z": 1}}, "semantic"),
        ({"a": {"x": 3}, "b": {}}, "not compared"),
        ({}, "not compared"),
    ],
)
def test_a_difference_is_policy_if_one_answer_is_possible_everywhere(answers, verdict):
    """And semantic if no order makes the runtimes agree."""
    assert classify(answers) == verdict


def test_the_questions_of_six_families_are_asked():
    """With one role, and an answer."""
    names = {each.name for each in select_questions(tuple(Plugins().catalogue().scenarios.values()))}
    assert {"lock.re-entry", "channel.end-is-seen", "cancel.before-first-step", "group.start-order"} <= names
    assert not any(name.startswith(("stream.", "process.", "explore.")) for name in names)


def _run(name):
    command = [sys.executable, "-W", "ignore", str(FOUND / name)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="curio 1.6 does not import here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("curio-deadline-in-shielded-block.py", "the inner deadline raises TaskTimeout when the block ends"),
        ("curio-timeout-overwrites-cancellation.py", "the cancellation is delivered when the block ends"),
    ],
)
def test_the_script_of_curio_fails_by_itself(name, expected):
    """It prints what was expected and what was seen."""
    done = _run(name)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"expected: {expected}"


def test_the_script_of_asyncio_ends_on_every_python():
    """Its exit code says whether the defect is there."""
    assert _run("asyncio-timeout-leaks-its-cancellation.py").returncode in (0, 1)
