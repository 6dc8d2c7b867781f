"""Hand-overs between threads and the scheduler under load: everything arrives once, and a loss is seen."""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.load.bridge import bridge, bridge_call, bridge_job

TINY = {"hand_overs": 40}


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("way", ["item", "back"])
def test_everything_arrives_once(run_roles, backend, way, threads):
    """From one thread and from four, on each runtime."""
    trial = run_roles(bridge, {**TINY, "way": way, "threads": threads}, backend=backend)
    assert (trial.errors, trial.violations) == ({}, set())
    assert (trial["handed over"], trial["arrived"], trial["missing"]) == (160, 160, 0)
    assert [value > 0 for value in trial.values["ns per hand-over"]] == [True] * 3


@pytest.mark.parametrize("spec", ["asyncio", "uvloop", "threads"])
def test_jobs_are_done(run_roles, spec):
    """By the scheduler, or by a pool of threads."""
    pytest.importorskip(f"harness_{spec}.backend")
    trial = run_roles(bridge_job, {**TINY, "threads": 4}, backend=spec)
    assert (trial.errors, trial.violations, trial["arrived"]) == ({}, set(), 160)


@pytest.mark.parametrize(
    ("spec", "maker"),
    [("asyncio", "the scheduler"), ("trio", "the scheduler"), ("threads", "the thread itself")],
)
def test_the_parity_field_says_which_side_makes_a_call(run_roles, spec, maker):
    """So that no ratio compares a hand-over with a function call."""
    pytest.importorskip(f"harness_{spec}.backend")
    trial = run_roles(bridge_call, TINY, backend=spec)
    assert (trial.errors, trial.violations) == ({}, set())
    assert set(trial.values["made by"]) == {maker}
    assert bridge_call.parity == ("made by",)


def test_a_job_that_runs_twice_is_seen(run_roles):
    """It arrives twice."""
    wrap = {"main": FAULTS["offload-runs-twice"].runtime}
    trial = run_roles(bridge, {**TINY, "way": "back"}, wrap=wrap)
    assert trial["missing"] < 0
    assert "missing" in trial.violations
