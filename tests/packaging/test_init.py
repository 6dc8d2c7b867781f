"""From a fresh clone of an application to a gate: `harness init`, then the steps of the workflow that it wrote."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

APPLICATION = Path(__file__).parent / "application"
REGRESSION = ("return 0", "return len(asyncio.get_running_loop()._ready)")
"""Works on asyncio's own loop, and on no other."""


def call(*command, cwd, code=0):
    """Run a command and require its exit code."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def clone(folder):
    """Return a fresh clone of the application."""
    origin, work = folder / "origin", folder / "clone"
    call("git", "init", "-q", str(origin), cwd=folder)
    for path in (path for path in APPLICATION.rglob("*") if path.suffix in (".py", ".toml", ".txt")):
        target = origin / path.relative_to(APPLICATION)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    call("git", "add", "-A", cwd=origin)
    call("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x", cwd=origin)
    call("git", "clone", "-q", str(origin), str(work), cwd=folder)
    return work


def gates(work):
    """Return the commands of the workflow that are a gate."""
    lines = (work / ".github/workflows/harness.yml").read_text().splitlines()
    return [line.partition("run: ")[2] for line in lines if "- run: harness " in line]


def harness(command, cwd, code=0):
    """Call the program as the workflow does, on the harness of this checkout."""
    return call(sys.executable, "-P", "-m", "harness.cli", *shlex.split(command)[1:], cwd=cwd, code=code)


@pytest.mark.slow
def test_the_gate_of_a_fresh_clone_fails_for_a_regression_only(tmp_path):
    """It passes as the application is; code that runs on one loop only fails it, and names the test."""
    work = clone(tmp_path)
    harness("harness init --uses queues -b asyncio -b uvloop", work)
    matrix, suite = gates(work)
    assert "nothing unexpected" in harness(matrix, work)
    assert "2 tests, 2 agree" in harness(suite, work)
    source = (work / "relay.py").read_text()
    (work / "relay.py").write_text(source.replace(*REGRESSION))
    said = harness(suite, work, code=1)
    assert "1 worse on uvloop: 1 cause" in said
    assert "test_the_backlog_is_small" in said
