"""Cells that take too much: each is stopped by the limit that it exceeds, which is named; nothing of it survives."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.journal import read_run

DISTRIBUTION = Path(__file__).parent / "distribution"
LIMITS = "memory=256M,processes=64,cpu=2,output=1M,fds=96"
BACKENDS = ("asyncio", "trio", "threads")
EXPECTED = {
    "greedy.memory": r"limit memory=256 MiB: .* held \(by polling of the process tree\)|\(by cgroup v2",
    "greedy.memory-of-a-child": r"limit memory=256 MiB",
    "greedy.processes": r"limit processes=64: \d+ at one time \(by ",
    "greedy.cpu": r"limit cpu=2 s: 2\.\d s used \(by |\(by RLIMIT_CPU\)",
    "greedy.cpu-of-children": r"limit cpu=2 s: 2\.\d s used \(by ",
    "greedy.output": r"limit output=1 MiB \(by the runner, which reads it\)",
    "greedy.fds": r"limit fds=96: .*\(by RLIMIT_NOFILE\)",
    "greedy.fds-in-silence": r"limit fds=96: all of them open \(by RLIMIT_NOFILE\)",
}
MODEST = ("greedy.modest", "greedy.shared-memory-of-children")


@pytest.fixture(
    scope="module",
    params=[pytest.param(("--fresh",), id="fresh"), pytest.param((), id="forked", marks=pytest.mark.slow)],
)
def stored(tmp_path_factory, request):
    """A run of all of them, and the processes that it left."""
    out, start = tmp_path_factory.mktemp("greedy"), request.param
    backends = [word for name in BACKENDS for word in ("-b", name)]
    marked = {"HARNESS_TEST_GREEDY": str(out)}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "harness.cli", "matrix", *backends, "-s", "greedy.*", "--limit", LIMITS, *start),
            *("--out", str(out), "--json", str(out / "report.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=os.environ | {"PYTHONPATH": str(DISTRIBUTION), "NO_COLOR": "1"} | marked,
    )
    left = [process for process in psutil.process_iter() if _carries(process, marked)]
    (folder,) = (path for path in out.iterdir() if path.is_dir())
    return done, read_run(folder), left, json.loads((out / "report.json").read_text())


def _carries(process, marked):
    try:
        return marked.items() <= process.environ().items()
    except (psutil.Error, OSError):
        return False


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_limit_is_named_with_its_value_and_who_kept_it(stored, scenario, backend):
    """The outcome is LIMIT, whatever the cell made of being stopped."""
    (record,) = [r for r in stored[1].records if (r.cell.scenario, r.cell.label) == (scenario, backend)]
    assert (record.result.outcome, bool(re.search(EXPECTED[scenario], record.result.reason))) == ("limit", True), (
        record.result.reason
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", MODEST)
def test_what_only_looks_like_much_is_left_alone(stored, scenario, backend):
    """Threads are no processes, address space is no memory, and what forks share is there once."""
    (record,) = [r for r in stored[1].records if (r.cell.scenario, r.cell.label) == (scenario, backend)]
    assert (record.result.outcome, record.result.reason) == ("completed", "")


def test_nothing_survives(stored):
    """No process carries the run's environment any more."""
    assert stored[2] == []


def test_the_run_says_which_means_were_in_force(stored):
    """In its environment, in the JSON report, and on the terminal."""
    done, run, _, report = stored
    said = run.started.environment["limits"]
    assert said["memory"].startswith("256 MiB by ")
    assert said["fds"] == "96 by RLIMIT_NOFILE"
    assert report["run"]["environment"]["limits"] == said
    assert f"memory {said['memory']}" in " ".join(done.stdout.split())


def test_the_command_that_shows_it_again_has_the_limits(stored):
    """Without them it would show something else."""
    commands = {finding["command"] for finding in stored[3]["findings"]}
    assert commands
    assert all(f"--limit {LIMITS}" in command for command in commands)
