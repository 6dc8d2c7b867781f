"""Make the builders beside the tests importable, and start trials in processes of their own."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from apart import Nursery, Request


@pytest.fixture(scope="session")
def nursery():
    """Fork a process for each trial: `nursery.run(request)`."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def run_apart(nursery):
    """Return a function that tries a scenario in a process of its own, on a backend or on that of a fault."""

    def run(scenario, parameters, *, backend="asyncio", **more):
        report = nursery.run(Request(ref=scenario.ref, backend=backend, parameters=parameters, **more))
        assert report.running == ()
        return report

    return run
