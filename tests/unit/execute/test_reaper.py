"""The program that kills the processes that a killed runner left behind."""

import os
import signal
import subprocess
import sys

import pytest

from harness.execute import reaper

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
WAITING = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]


def test_it_ends_what_starts_late_too():
    """It has the mark itself, as one has that was started in the place of another, and does not end itself first."""
    token = f"test-{os.getpid()}"
    marked = os.environ | {reaper.RUN_VARIABLE: token}
    program = subprocess.Popen(
        [sys.executable, "-I", "-S", reaper.__file__, token], stdin=subprocess.PIPE, env=marked, start_new_session=True
    )
    first = subprocess.Popen(WAITING, env=marked)
    program.stdin.close()
    assert first.wait(30) == -signal.SIGKILL
    late = subprocess.Popen(WAITING, env=marked)
    assert late.wait(30) == -signal.SIGKILL
    assert program.wait(30) == 0
