"""anyio keeps the Runtime contract on both of its runtimes, but for the clauses that it is known to break."""

import pytest
from harness.api import Capability, Support
from harness.plugins import Plugins
from harness.testing.contract import CLAUSES, ClauseResult, lacking, run_clauses

CATALOGUE = Plugins().catalogue()
BACKEND = CATALOGUE.backend("anyio")
ASKED = [clause for clause in CLAUSES if lacking(BACKEND, clause) is None]
ON_BOTH = {"a cancelled send has sent nothing (buffered)", "a cancelled send has sent nothing (rendezvous)"}
ON_ASYNCIO = {"closing the end that reads ends the child that writes"}


@pytest.mark.parametrize(("on", "known"), [("asyncio", ON_BOTH | ON_ASYNCIO), ("trio", ON_BOTH)])
def test_each_clause_holds_but_the_known_ones(on: str, known: set[str]) -> None:
    """A known clause that holds again is stale."""
    results: list[ClauseResult] = [*run_clauses(BACKEND.runner, {"on": on}, ASKED)]
    assert {result.clause for result in results if result.error} == known
    assert [result.clause for result in results if result.unhandled] == []


def test_every_known_breach_is_declared() -> None:
    """With its reason."""
    declared = {breach.clause for breach in CATALOGUE.breaches if any("anyio" in name for name in breach.backends)}
    assert declared == ON_BOTH | ON_ASYNCIO


def test_what_it_lacks() -> None:
    """By declaration."""
    absent = {capability for capability in Capability if BACKEND.offer(capability).support is Support.ABSENT}
    assert {Capability.DETACHED, Capability.PROCESS} <= absent
    assert Capability.SHIELD not in absent
