"""What an adapter costs on the hot paths: a number of calls that is the same each time, and a ratio."""

from pathlib import Path

import pytest

from harness.testing.check import check_backend
from harness.testing.hot_path import OperationCost, measure_hot_paths

ASYNCIO = "harness_asyncio.backend:AsyncioRunner"


@pytest.fixture(autouse=True)
def _beside(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def measure(runner, reference="", limit=60.0):
    """Return what each operation costs, by its name."""
    return {cost.operation: cost for cost in measure_hot_paths(runner, {}, reference, limit=limit)}


def test_calls_of_the_adapter_are_counted():
    """Each function once, however often it is resumed, also of the adapter that it extends."""
    costs = measure("planted_runners:Wordy")
    assert (costs["checkpoint"].calls, costs["sleep(0)"].calls) == (2, 0)
    assert costs["acquire and release a free lock"].calls == measure(ASYNCIO)["acquire and release a free lock"].calls


def test_beside_the_reference():
    """CPU time of each side by side, as a ratio with its bounds; without a reference there is none."""
    cost = measure(ASYNCIO, ASYNCIO)["checkpoint"]
    assert cost.cpu_ns > 0
    assert 0 < cost.low <= cost.ratio <= cost.high
    alone = measure(ASYNCIO, "nowhere:Runner")["checkpoint"]
    assert (alone.calls, alone.ratio, alone.low, alone.high) == (0, None, None, None)
    assert alone.cpu_ns > 0


def test_an_operation_that_fails_leaves_the_others():
    """It is said why it is not known."""
    costs = measure("planted_runners:Forgetful")
    lock = costs.pop("acquire and release a free lock")
    assert lock == OperationCost(operation=lock.operation, error="NotImplementedError: no lock yet")
    assert [cost.operation for cost in costs.values() if cost.error or not cost.cpu_ns] == []


@pytest.mark.parametrize(
    ("runner", "limit", "error"),
    [
        ("planted_runners:Stuck", 1.0, "it did not end within 1 s"),
        ("planted_runners:Silent", 60.0, "its process ended with 7"),
        ("nowhere:Runner", 60.0, "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_backend_that_cannot_be_measured(runner, limit, error):
    """All of it is unknown, for a reason; nothing is raised."""
    costs = measure(runner, limit=limit)
    assert {cost.error for cost in costs.values()} == {error}
    assert len(costs) == 6


def test_a_check_without_costs(monkeypatch):
    """A backend of which nothing holds is not measured, and costs never decide."""
    from harness.api import Backend
    from harness.plugins import Catalogue
    from harness.testing import check

    monkeypatch.setattr(check, "CLAUSES", [])
    backends = {name: Backend(name=name, summary="", runner=runner) for name, runner in (("no", "nowhere:Runner"),)}
    report = check_backend("no", Catalogue(backends=backends, scenarios={}, renderers={}, plugins=()))
    assert (report.costs, report.passed) == ((), False)
