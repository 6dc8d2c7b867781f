"""The live parts of the self-test on real cells, small: what is injected is there, and is seen."""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from harness.plugins import Plugins
from harness.selftest import first_cell, slower_arm
from harness.selftest.bench import Bench
from harness.selftest.first_cell import run_first_cell
from harness.selftest.freeze import run_freeze
from harness.selftest.part import SHORT
from harness.selftest.slower_arm import run_slower_arm
from harness.selftest.stuck_arm import run_stuck_arm


@contextmanager
def ignore(_title):
    """Show no progress."""
    yield


@pytest.fixture
def bench(tmp_path):
    """Return a bench whose reference is asyncio."""
    plugins = Plugins()
    return Bench(plugins, plugins.catalogue(), tmp_path, ignore, "asyncio")


def effort(**changes):
    """Return the short form, with less of something."""
    return type(SHORT)(**{name: getattr(SHORT, name) for name in SHORT.__struct_fields__} | changes)


@pytest.mark.slow  # a figure: it needs a machine that does nothing else
def test_an_arm_that_spins_takes_longer(bench, monkeypatch):
    """As long again as the reference, so that six rounds show it on any machine."""
    monkeypatch.setattr(slower_arm, "SHARE", 1.0)
    result = run_slower_arm(bench, effort(seeds=1, seconds=1))
    assert 1.3 < result.figures["ratios"][0] < 4


def test_a_freeze_is_corrected_for(bench):
    """Unless the machine is too busy for a client that keeps its schedule."""
    result = run_freeze(bench, effort(storms=1))
    if result.said == "d was not tried":
        pytest.skip(result.lines[1].strip())
    frozen, without = result.figures["frozen ms"], result.figures["without ms"]
    assert frozen["corrected"] >= 100
    assert frozen["corrected"] > without["corrected"]
    assert frozen["uncorrected"] < frozen["corrected"]


def test_a_stuck_arm_is_reported_and_costs_nobody_a_round(bench):
    """How soon depends on the machine; that it is reported, and that all others ran, does not."""
    result = run_stuck_arm(bench, effort(stuck_rounds=1))
    assert (result.figures["hung"], result.figures["rounds lost"]) == (2, 0)
    assert 2 <= result.figures["reported after s"] < 20


@pytest.mark.slow  # a verdict: one in twenty errs, and more on a busy machine
def test_slower_first_cells_make_no_difference(bench, monkeypatch):
    """They take as long again, and neither arm is called slower."""
    monkeypatch.setattr(first_cell, "_SAME", ("1.0", "1.00"))
    monkeypatch.setattr(first_cell, "_ROUNDS", 12)
    result = run_first_cell(bench, effort(order_seeds=1))
    assert result.figures["verdicts"] in (["equivalent"], ["inconclusive"])
    assert result.figures["effects"][0] > 1.1
    assert result.passed, result.lines


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_promise_is_kept(tmp_path):
    """The full form: 600 processes, 1000 replays, 20 live runs; on a machine that does nothing else."""
    command = [sys.executable, "-P", "-m", "harness.cli", "selftest", "--full", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
