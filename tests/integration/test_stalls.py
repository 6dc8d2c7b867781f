"""A call that held a scheduler is named on every backend where tasks share a thread, and nobody else is blamed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.compare import compare
from harness.journal import read_run
from tests.runtimes import BACKENDS, COROUTINES

DISTRIBUTION = Path(__file__).parents[1] / "planted" / "distribution"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a thread of another process does")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("stalls")
    selection = [argument for name in BACKENDS for argument in ("-b", name)]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "harness.cli",
            "matrix",
            *selection,
            "-s",
            "stall.*",
            "-s",
            "planted.uses-threads",
            "--out",
            str(out),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env=os.environ | {"PYTHONPATH": str(DISTRIBUTION), "NO_COLOR": "1"},
    )
    (folder,) = out.iterdir()
    run = read_run(folder)
    return done, run, {(record.cell.scenario, record.cell.label): record.result for record in run.records}


@pytest.mark.parametrize("backend", COROUTINES)
@pytest.mark.parametrize(
    ("scenario", "computes", "function"), [("sleeping-call", False, "task"), ("computing-call", True, "_compute")]
)
def test_the_call_is_named(finished, scenario, computes, function, backend):
    """With its frame, how long it took at least, and whether it computed; the cell has ended and has no stacks."""
    result = finished[2][f"stall.{scenario}", backend]
    (role,) = result.roles
    (stall,) = role.stalls
    assert "harness_planted/stalls.py:" in stall.frames[0]
    assert stall.frames[0].endswith(f" in {function}")
    assert stall.frames[-1].endswith(" in task")
    assert (stall.computes, stall.count) == (computes, 1)
    assert 0.1 <= stall.seconds < 0.6
    assert (result.outcome, role.stacks) == ("completed", "")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", ["healthy-sleep", "healthy-turns", "measured"])
def test_nobody_else_is_blamed(finished, scenario, backend):
    """Who awaits, who gives way while it computes, and what is not to be disturbed."""
    assert [role.stalls for role in finished[2][f"stall.{scenario}", backend].roles] == [()]


def test_a_thread_holds_no_scheduler(finished):
    """Where tasks are threads, one that sleeps or computes holds nobody."""
    results = [result for (_, backend), result in finished[2].items() if backend == "threads"]
    assert {role.stalls for result in results for role in result.roles} == {()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_later_autopsy_is_its_own(finished, backend):
    """The stacks that it reads are those of the hang."""
    (role,) = finished[2]["stall.then-hangs", backend].roles
    assert (role.outcome, role.autopsy.diagnosis) == ("hung", "deadlock")
    assert role.stacks.count("Current thread") == 1
    assert bool(role.stalls) == (backend in COROUTINES)


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_that_a_runtime_keeps_are_no_leak(finished, backend):
    """Nor is a child that was waited for; and how much the process has grown is known."""
    (role,) = finished[2]["planted.uses-threads", backend].roles
    assert (role.leaks, role.escaped) == ((), ())
    assert isinstance(role.grown_bytes, int)


def test_it_is_a_note(finished):
    """The hang is the only thing that is not expected; the terminal names the calls."""
    done, run, _ = finished
    comparison = compare(run)
    assert {finding.kind for finding in comparison.unexpected} == {"hang"}
    stalled = {finding.row.scenario: finding for finding in comparison.findings if finding.kind == "stalled"}
    assert {name: set(finding.backends) for name, finding in stalled.items()} == {
        "stall.sleeping-call": set(COROUTINES),
        "stall.computing-call": set(COROUTINES),
    }
    assert "2 notes: calls that held a scheduler" in done.stdout
