"""Descriptors of calls that are cancelled or fail, and those that several tasks use."""

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import descriptors, descriptors_shared

SCENARIOS = {
    scenario.name.removeprefix("descriptors."): scenario
    for family in (descriptors, descriptors_shared)
    for scenario in family.SCENARIOS
}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
PLANTED = ("asyncio", "trio", "curio", "threads")
LEAVES_NONE = {descriptors.NONE_LEFT: ALL}
EXPECTED = {
    "cancelled-call": {
        descriptors.NONE_LEFT: ("asyncio", "uvloop", "trio", "threads"),
        descriptors.SOME_LEFT: ("curio",),
    },
    "cancelled-unix-call": LEAVES_NONE,
    "cancelled-connect-by-name": {descriptors.NONE_LEFT: ("asyncio", "trio", "threads")},
    "failed-call": LEAVES_NONE,
    "failed-unix-call": LEAVES_NONE,
    "failed-connect-by-name": {descriptors.NONE_LEFT: PLANTED},
    "number-used-again": {
        descriptors_shared.WHOLE: ("asyncio", "uvloop", "trio", "threads"),
        descriptors_shared.KILLS: ("curio",),
    },
    "several-acceptors": {
        descriptors_shared.EACH_ONE: ("asyncio", "uvloop", "threads"),
        descriptors_shared.BUSY: ("trio", "curio"),
    },
}
"""Each question, its answers and the runtimes that give them."""
SOCK = {"number-used-again": descriptors_shared.FAILS, "several-acceptors": descriptors_shared.NOT_WOKEN}
"""Answers of `asyncio:io=sock`."""
BREAKS = {descriptors.SOME_LEFT, descriptors_shared.KILLS}
SLOW = "cancelled-call"
"""Four hundred calls."""


def param(name, *more):
    """Return a parameter set, which may be slow."""
    return pytest.param(name, *more, marks=[pytest.mark.slow] if name == SLOW else [])


CAUGHT = [param(name, fault) for name, scenario in SCENARIOS.items() for fault in scenario.catches]


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog that is silent is Linux")
@pytest.mark.parametrize("name", [param(name) for name in EXPECTED])
def test_each_runtime_answers_as_known(run_apart, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    answers = {answer for answer, runtimes in EXPECTED[name].items() if backend in runtimes}
    if not answers:
        pytest.skip("nothing is asked there, or the moment decides")
    report = run_apart(SCENARIOS[name], {}, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) == answers
    assert report.violations == ({"answer"} if answers & BREAKS else set())


@pytest.mark.skipif(sys.platform != "linux", reason="the error is that of epoll")
@pytest.mark.parametrize(("name", "answer"), SOCK.items())
def test_the_calls_of_sockets_share_nothing(run_apart, name, answer):
    """The known differences of `sock_*`."""
    report = run_apart(SCENARIOS[name], {}, backend="asyncio:io=sock")
    assert report.errors == {}
    assert set(report.values["answer"]) == {answer}


@pytest.mark.parametrize(("name", "fault"), CAUGHT)
def test_broken_contract_is_seen(run_apart, name, fault):
    """A healthy runtime with one fault gives a forbidden answer."""
    report = run_apart(SCENARIOS[name], {"repetitions": 1}, backend=FAULTS[fault].control, fault=fault)
    assert report.errors == {}
    assert report.violations == {"answer"}


def test_every_question_has_a_known_answer_and_a_fault_that_it_catches():
    """Both are tried above."""
    assert set(EXPECTED) == set(SCENARIOS)
    assert all(scenario.catches for scenario in SCENARIOS.values())
