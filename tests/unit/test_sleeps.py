"""No unit test sleeps: a pause that is long enough is too short on some machine, and adds up on every other."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ALLOWED = {
    "worker/test_held_locks.py": "tasks that are cancelled where they stand; none of their sleeps ends",
    "explore/test_batch.py": "a program that hangs, in a process of its own that is killed",
}
"""Files with sleeps, and why no test waits for one of them."""


def list_sleeps(tree):
    """Yield the lines that call `time.sleep`, or `asyncio.sleep` for more than a turn of the loop."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            module = node.func.value
            is_turn = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if isinstance(module, ast.Name) and module.id in ("time", "asyncio") and not is_turn:
                yield node.lineno


def test_no_unit_test_sleeps():
    """A test moves a clock (`harness.testing.fake_clock`), or waits for an event."""
    found = {
        str(file.relative_to(HERE)): lines
        for file in sorted(HERE.rglob("*.py"))
        if (lines := list(list_sleeps(ast.parse(file.read_text()))))
    }
    assert {name: lines for name, lines in found.items() if name not in ALLOWED} == {}
    assert set(found) == set(ALLOWED), "an exception that is not needed any more"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("import time\ntime.sleep(0.1)", [2]),
        ("await_ = asyncio.sleep(n)", [1]),
        ("asyncio.sleep(0)\nruntime.sleep(1)\nself.inner.sleep(2)", []),
    ],
)
def test_what_counts_as_a_sleep(code, lines):
    """A turn of the loop is none, and the runtime under test may be asked to sleep."""
    assert list(list_sleeps(ast.parse(code))) == lines
