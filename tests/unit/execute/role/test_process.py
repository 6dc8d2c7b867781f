"""Words for how a process ended."""

import os
import sys

import pytest

from harness.execute import posix
from harness.execute.role.process import RoleProcess, describe_exit


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-11, "SIGSEGV"), (-99, "signal 99"), (None, "still running")],
)
def test_describe_exit(code, words):
    """Signals have their names."""
    assert describe_exit(code) == words


@pytest.mark.parametrize("size", [0, 3, 8, 4096])
def test_a_progress_page_that_the_worker_cuts_off(size):
    """What is no longer there counts as no progress; a runner that maps the page would end by SIGBUS."""
    role = RoleProcess.__new__(RoleProcess)
    role._reset()
    role._progress_fd = posix.shared_file("page", 4096)
    os.pwrite(role._progress_fd, (7).to_bytes(8, sys.byteorder), 0)
    os.ftruncate(role._progress_fd, size)
    assert role.progress == (7 if size >= 1 else 0)
    os.close(role._progress_fd)
