"""The scenario finds the bug of the pool for asyncio, and nothing in the pool for trio."""

import pytest
from harness.plugins import Plugins
from harness.testing.trial import try_scenario

from harness_minipool.declaration import HANDOVER


@pytest.mark.parametrize("backend", ["asyncio", "uvloop"])
def test_the_pool_for_asyncio_loses_a_connection(backend: str) -> None:
    """When the waiting task is cancelled in the turn of the release, each time."""
    trials = [try_scenario(HANDOVER, backend) for _ in range(20)]
    assert [trial.violations for trial in trials] == [{"connections lost"}] * 20
    assert {trial["lost if"] for trial in trials} == {"cancelled just before"}


def test_the_pool_for_trio_loses_none() -> None:
    """At none of the moments."""
    trial = try_scenario(HANDOVER, "trio")
    assert (trial.errors, trial.violations, trial["moments tried"]) == ({}, set(), 8)


def test_it_is_written_for_two_runtimes() -> None:
    """And for what is built on them."""
    backends = Plugins().catalogue().backends
    excluded = {name for name, backend in backends.items() if HANDOVER.exclusion_of(backend)}
    assert excluded.isdisjoint({"asyncio", "uvloop", "trio"})
    assert {"curio", "threads"} <= excluded
