"""State that a parent hands down does not change a run."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = (sys.executable, "-P", "-m", "harness.cli")


def ignore_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def block_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD})


def shut_out_the_owner():
    os.umask(0o777)


STATES = [ignore_children, block_signals, shut_out_the_owner]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_cell_runs_whatever_the_parent_left(state, tmp_path):
    """SIGCHLD ignored, signals blocked, a umask that keeps the owner out."""
    command = (*PROGRAM, "run", "-s", "lock.order-of-waiters", "-b", "asyncio", "-q")
    done = subprocess.run(command, cwd=tmp_path, preexec_fn=state, capture_output=True, text=True, check=False)
    assert (done.returncode, "ChildProcessError" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr
    (journal,) = tmp_path.glob(".harness/runs/*/journal.jsonl")
    assert journal.stat().st_mode & 0o600 == 0o600


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_standard_descriptors(closed, tmp_path):
    """No pipe of a cell becomes a standard descriptor, and the exit code is that of the run."""
    shut = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
    command = f"exec {' '.join(PROGRAM)} run -s lock.order-of-waiters -b asyncio -q {shut}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_without_docstrings(tmp_path):
    """PYTHONOPTIMIZE=2 takes docstrings and assertions away; every plugin still loads."""
    environment = os.environ | {"PYTHONOPTIMIZE": "2"}
    done = subprocess.run(
        (*PROGRAM, "plugins"), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NoneType" not in done.stdout + done.stderr
