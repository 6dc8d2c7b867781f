"""Gevent keeps the Runtime contract: each clause of it, in worker processes of the kit."""

import inspect

import pytest
from harness.api import Runtime
from harness.plugins import Plugins
from harness.testing.contract import CLAUSES, ClauseResult, lacking, run_clauses

BACKEND = Plugins().catalogue().backend("gevent")
ASKED = [clause for clause in CLAUSES if lacking(BACKEND, clause) is None]


@pytest.fixture(scope="session")
def results() -> dict[str, ClauseResult]:
    """The result of each clause."""
    return {result.clause: result for result in run_clauses(BACKEND.runner, {}, ASKED)}


@pytest.mark.parametrize("clause", [clause.name for clause in ASKED])
def test_clause(results: dict[str, ClauseResult], clause: str) -> None:
    """It holds, and no exception was dropped on the way."""
    assert results[clause].error == ""
    assert results[clause].unhandled == ()


def test_every_method_is_there() -> None:
    """Nothing of the contract is forgotten, and nothing has another shape."""
    from harness_gevent.backend import GeventRuntime

    for name, promised in inspect.getmembers(Runtime, inspect.isfunction):
        if not name.startswith("_") and name != "now":  # a function of C, without a signature
            own = inspect.signature(getattr(GeventRuntime, name))
            assert own.parameters.keys() == inspect.signature(promised).parameters.keys(), name
