"""A result that comes with the deadline is lost by `sock_recv` and `sock_accept` alone, and a loss is seen."""

from __future__ import annotations

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import deadline_result as result

SCENARIOS = {scenario.name.removeprefix("deadline."): scenario for scenario in result.SCENARIOS}
READ, ACCEPT = "read-keeps-bytes", "accept-keeps-connection"
HEALTHY = {READ: {result.BYTES_RECEIVED, result.BYTES_LEFT}, ACCEPT: {result.ACCEPTED, result.LEFT_TO_ACCEPT}}
LOST = {READ: result.BYTES_LOST, ACCEPT: result.CONNECTION_LOST}
WAIT_FOR_DELIVERS = sys.version_info < (3, 12)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_runtime_loses_a_result(run_roles, backend, name):
    """As each runtime is taught first, the result is returned or still there."""
    report = run_roles(SCENARIOS[name], {}, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) <= HEALTHY[name]


# A connection that sock_accept loses is closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("spec", ["asyncio:io=sock", "uvloop:io=sock", "asyncio:io=sock,timeout=wait_for"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_sock_operations_lose_their_result(ask, name, spec):
    """`asyncio.timeout` loses it on each version, `wait_for` from Python 3.12 on (an accept, seldom, before too)."""
    assert spec in SCENARIOS[name].variants
    answers = ask(SCENARIOS[name], spec)
    assert answers <= HEALTHY[name] | {LOST[name]}
    if not (spec.endswith("wait_for") and WAIT_FOR_DELIVERS):
        assert LOST[name] in answers
    elif name == READ:
        assert LOST[name] not in answers


@pytest.mark.parametrize(("name", "fault"), [(READ, "cancelled-read-drops"), (ACCEPT, "cancelled-accept-drops")])
def test_broken_contract_is_seen(run_roles, name, fault):
    """A healthy runtime that can still be cancelled when it has the result gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], {}, backend="trio", wrap={"main": FAULTS[fault].runtime})
    assert report.errors == {}
    assert LOST[name] in report.values["answer"]
    assert report.violations == {"answer"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_expected_of_somebody(name):
    """Or is what a saboteur makes of it."""
    grades = SCENARIOS[name].judges["answer"].grades
    assert HEALTHY[name] | {LOST[name]} == set(grades)
