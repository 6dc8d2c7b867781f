"""Words for how a process ended."""

import pytest

from harness.execute.role.process import describe_exit


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-11, "SIGSEGV"), (-99, "signal 99"), (None, "still running")],
)
def test_describe_exit(code, words):
    """Signals have their names."""
    assert describe_exit(code) == words
