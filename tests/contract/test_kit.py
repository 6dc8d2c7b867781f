"""The kit catches what it must, by name."""

from pathlib import Path

import pytest

from harness.testing import contract
from harness.testing.clauses import CLAUSES

BY_NAME = {clause.name: clause for clause in CLAUSES}


@pytest.fixture(autouse=True)
def broken_backends(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(contract, "LIMIT", 5)


def run(runner, *names):
    return [(r.clause, r.error) for r in contract.run_clauses(runner, {}, [BY_NAME[name] for name in names])]


def test_a_healthy_backend_passes():
    """The control."""
    names = ("sleep does not return before its time", "one holder at a time")
    assert run("harness_asyncio.backend:AsyncioRunner", *names) == [(name, "") for name in names]


def test_a_broken_clause_is_named_and_the_others_hold():
    """An early timer breaks one clause."""
    early, lock = run("broken:EarlySleep", "sleep does not return before its time", "one holder at a time")
    assert "AssertionError" in early[1]
    assert lock == ("one holder at a time", "")


def test_a_hang_is_named_and_the_rest_runs():
    """A blocked loop cannot be asked: its process is ended."""
    name = "cancelling a group wakes a task that waits in sleep"
    stuck, after = run("broken:DeafSleep", name, "one holder at a time")
    assert stuck == (name, "did not end within 5 s")
    assert after == ("one holder at a time", "")


def test_a_process_that_ends_is_named():
    """Whatever a backend does to its process."""
    (ended,) = run("broken:Exiting", "a checkpoint lets another ready task run")
    assert "the process ended with 7" in ended[1]


def test_a_runner_that_does_not_import():
    """The real error is kept."""
    with pytest.raises(ImportError, match="ModuleNotFoundError: No module named 'nowhere'"):
        run("nowhere:Runner", "one holder at a time")
