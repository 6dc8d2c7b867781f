"""Each kind of hang is planted on every backend where it can occur, and is told from the facts; slow is not hung."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.journal import read_run
from tests.runtimes import BACKENDS, COROUTINES

DISTRIBUTION = Path(__file__).parents[1] / "planted" / "distribution"
HEALTHY = ("healthy-job", "healthy-blocks", "healthy-sleep", "healthy-late", "healthy-child")
LOOPS = ("asyncio", "uvloop")
"""Backends whose bridge lets a thread wait for a loop that is closed."""
PLANTED = {
    # scenario: diagnosis, backends, what the reasons name
    "event": ("deadlock", BACKENDS, ("other waits for event", "in event.<locals>.other", "in event")),
    "channel": ("deadlock", BACKENDS, ("other waits for channel receive", "in channel.<locals>.other")),
    "lock-twice": ("self-deadlock", ("asyncio", "uvloop", "curio", "threads"), ("holds lock and waits for lock",)),
    "lock-order": (
        "lock-order cycle",
        BACKENDS,
        ("forwards holds first and waits for second", "backwards holds second and waits for first"),
    ),
    "unread": ("lost wake-up", COROUTINES, ("6 bytes unread", "reader waits for read", "in unread.<locals>.read")),
    "timer": ("lost wake-up", COROUTINES, ("sleeper waits for timer", "its time was over")),
    "polite": ("livelock", BACKENDS, ("in polite.<locals>.walker",)),
    "ended-scheduler": ("ended scheduler", LOOPS, ("thread caller waits for it", "in ended_scheduler.<locals>.wait")),
    "spin": ("blocked scheduler", COROUTINES, ("takes CPU time", "in spin")),
    "sleeping-call": ("blocked scheduler", COROUTINES, ("one call waits", "in sleeping_call")),
    "holds-interpreter": ("blocked scheduler", COROUTINES, ("keeps the interpreter", "in _keep_interpreter")),
    "never-yields": (
        "starvation",
        ("asyncio", "uvloop", "curio"),
        ("never runs: neighbour", "never_yields.<locals>.hog"),
    ),
    "thread-holds-interpreter": ("starvation", BACKENDS, ("from the others", "in _keep_interpreter")),
    "child": ("waiting for a child", BACKENDS, ("waits for child", "in child", "lives")),
}
CASES = [(name, backend) for name, (_, backends, _) in PLANTED.items() for backend in backends if backend in BACKENDS]


def run(out):
    selection = [argument for name in BACKENDS for argument in ("-b", name)]
    subprocess.run(
        [sys.executable, "-m", "harness.cli", "matrix", "--fresh", *selection, "-s", "hang.*", "--out", str(out)],
        capture_output=True,
        check=False,
        timeout=600,
        env=os.environ | {"PYTHONPATH": str(DISTRIBUTION), "NO_COLOR": "1"},
    )
    (folder,) = out.iterdir()
    found = {}
    for record in read_run(folder).records:
        scenario = record.cell.scenario.removeprefix("hang.")
        found.setdefault((scenario, record.cell.label), []).append(record.result)
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run(tmp_path_factory.mktemp("hangs"))


def diagnosis_of(result):
    assert result.outcome == "hung", result
    return result.roles[0].autopsy.diagnosis


@pytest.mark.parametrize(("scenario", "backend"), CASES)
def test_a_planted_hang_is_diagnosed(results, scenario, backend):
    """By its name, with the task that waits and the line."""
    diagnosis, _, named = PLANTED[scenario]
    (result,) = results[scenario, backend]
    assert diagnosis_of(result) == diagnosis, result.roles[0].autopsy.reasons
    reasons = "\n".join(result.roles[0].autopsy.reasons)
    assert [text for text in named if text not in reasons] == []
    assert "hangs.py" in reasons + result.roles[0].stacks


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", HEALTHY)
def test_slow_is_not_hung(results, scenario, backend):
    """Who makes progress, or waits within the limit, ends."""
    assert [result.outcome for result in results[scenario, backend]] == ["completed"]


def test_what_nothing_proves_is_unknown(results):
    """A thread that sleeps holds no scheduler and nobody's lock; what it computes for ever may be its work."""
    (sleeping,) = results["sleeping-call", "threads"]
    (computing,) = results["holds-interpreter", "threads"]
    assert (diagnosis_of(sleeping), diagnosis_of(computing)) == ("unknown", "unknown")
    assert "in sleeping_call" in "\n".join(sleeping.roles[0].autopsy.reasons)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_actor_is_told_with_its_last_step(results, backend):
    """And the role with its last observation, oldest first."""
    (result,) = results["told-steps", backend]
    seen = result.roles[0].autopsy.last_seen
    assert (seen[0].actor, seen[0].what) == ("", "steps: 1")
    assert {one.actor: one.what for one in seen[1:]} == {"left": "waits for right", "right": "waits for left"}
    assert list(seen) == sorted(seen, key=lambda one: one.at)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_wait_is_told_with_the_times_that_bound_its_begin(results, backend):
    """After the last step of the task, and before the first look at it; and until when it can last."""
    (result,) = results["told-steps", backend]
    waits = {line.split()[0]: line for line in result.roles[0].autopsy.waits}
    for task, step in (("left", "waits for right"), ("right", "waits for left")):
        found = re.search(
            r"waits for event in \S*hangs.py:\d+ in told_steps\S*, since after (\S+) s"
            rf" \(its last step: {step}\) and before (\S+) s",
            waits[task],
        )
        assert found, waits[task]
        after, before = map(float, found.groups())
        assert after + 1.0 < before  # `hang_after` lies between
    assert "its time-out is in 29" in waits["right"]


@pytest.mark.slow
@pytest.mark.timeout(3600)  # some thousand processes, each of which hangs for as long as it takes to say so
def test_twenty_of_twenty(tmp_path):
    """The same diagnosis in each of twenty runs, and none of the healthy ones ever hangs.

    Runs and not rounds: who hangs three times in a row is retired from a run.
    """
    runs = [run(tmp_path / str(number)) for number in range(20)]
    wrong = {
        (case, number): result.reason
        for number, results in enumerate(runs)
        for case in CASES
        for result in results[case]
        if result.outcome != "hung" or diagnosis_of(result) != PLANTED[case[0]][0]
    }
    assert wrong == {}
    healthy = [
        result for results in runs for (name, _), all_of in results.items() if name in HEALTHY for result in all_of
    ]
    assert {result.outcome for result in healthy} == {"completed"}
