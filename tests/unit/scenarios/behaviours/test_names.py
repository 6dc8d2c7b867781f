"""Name look-ups and connections by name: each runtime answers as known, and every fault is seen."""

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import names_connect, names_lookup

SCENARIOS = {
    scenario.name.removeprefix("names."): scenario
    for family in (names_lookup, names_connect)
    for scenario in family.SCENARIOS
}
PLANTED = ("asyncio", "trio", "curio", "threads")
"""Runtimes whose look-ups are calls of `socket.getaddrinfo`; uvloop's are not, so that nothing is asked there."""

EXPECTED = {
    "slow-look-up": {names_lookup.OTHERS_RUN: PLANTED},
    "many-look-ups": {names_lookup.JOBS_WAIT: ("asyncio", "trio", "curio"), names_lookup.JOBS_GO_ON: ("threads",)},
    "cancelled-look-up": {
        names_lookup.RUN_WAITS: ("asyncio",),
        names_lookup.BOTH_AT_ONCE: ("trio", "curio"),
        names_lookup.CALLER_WAITS: ("threads",),
    },
    "failing-look-up": {names_lookup.AS_IT_IS: PLANTED},
    "malformed-name": {names_lookup.UNICODE_ERROR: (*PLANTED, "uvloop")},
    "one-address-accepts": {names_connect.CONNECTS: PLANTED},
    "all-addresses-refuse": {
        names_connect.NO_REFUSAL: ("asyncio", "trio"),
        names_connect.REFUSED: ("curio", "threads"),
    },
    "silent-address": {names_connect.WAITS: ("asyncio", "curio", "threads"), names_connect.GOES_ON: ("trio",)},
    "numeric-host-while-look-ups-wait": {
        names_connect.AT_ONCE: ("asyncio", "trio", "threads"),
        names_connect.BEHIND_LOOKUPS: ("curio",),
    },
}
"""Each question, its answers and the runtimes that give them."""
WAIT = {
    *("many-look-ups", "cancelled-look-up", "silent-address", "numeric-host-while-look-ups-wait"),
    *("look-up-blocks", "look-up-beyond-many-never-returns", "cancelled-look-up-never-ends"),
}
"""Questions that wait on a healthy runtime, and faults that make others wait."""


def param(*values):
    """Return a parameter set, which is slow if it waits."""
    return pytest.param(*values, marks=[pytest.mark.slow] if values[-1] in WAIT else [])


CAUGHT = [param(name, fault) for name, scenario in SCENARIOS.items() for fault in scenario.catches]


@pytest.mark.skipif(sys.platform != "linux", reason="addresses of 127.0.0.0/8, and a silent one, are Linux")
@pytest.mark.parametrize("name", [param(name) for name in EXPECTED])
def test_each_runtime_answers_as_known(run_apart, backend, name):
    """The contract is kept everywhere; on uvloop nothing is asked that would leave the host."""
    report = run_apart(SCENARIOS[name], {"repetitions": 1}, backend=backend)
    answers = {answer for answer, runtimes in EXPECTED[name].items() if backend in runtimes}
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values["answer"]) == (answers or {names_lookup.NOT_PLANTED})


@pytest.mark.parametrize(("name", "fault"), CAUGHT)
def test_broken_contract_is_seen(run_apart, name, fault):
    """A healthy runtime with one fault gives a forbidden answer."""
    asked = {"repetitions": 1}
    report = run_apart(SCENARIOS[name], asked, backend=FAULTS[fault].control, fault=fault, patience=1.0)
    assert report.errors == {}
    assert report.violations == {"answer"}


@pytest.mark.slow
def test_a_slow_turn_is_no_blocked_scheduler(run_roles, monkeypatch):
    """The other task runs while the look-up is held, and is not through with its turns when that gives up."""
    monkeypatch.setattr(names_lookup, "_HOLD_SECONDS", 2.0)
    monkeypatch.setattr(names_lookup, "_TICKS", 3000)
    report = run_roles(names_lookup.slow, {"repetitions": 1})
    assert report.values["answer"] == [names_lookup.OTHERS_RUN]


@pytest.mark.slow
def test_look_ups_that_block_hold_tasks_without_one(run_apart):
    """The answer is the reason, and not a time-out."""
    report = run_apart(names_lookup.many, {"repetitions": 1}, fault="look-up-blocks")
    assert report.values["answer"] == [names_lookup.TASKS_WAIT]


def test_every_question_has_a_known_answer_and_a_fault_that_it_catches():
    """Both are tried above."""
    assert set(EXPECTED) == set(SCENARIOS)
    assert all(scenario.catches for scenario in SCENARIOS.values())
