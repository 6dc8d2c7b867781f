"""What becomes of clean-up and of shielded work: each runtime answers as known, and every broken contract is seen."""

from __future__ import annotations

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import cancel_cleanup as cleanup
from harness_scenarios.behaviours.question import NEVER_ENDS

SCENARIOS = {scenario.name.removeprefix("cancel."): scenario for scenario in cleanup.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
LEVEL = ("trio", "threads")
EDGE = ("asyncio", "uvloop", "curio")
OTHERS = ("trio", "curio", "threads")

EXPECTED = {
    "cleanup-waits": {cleanup.CUT_SHORT: LEVEL, cleanup.COMPLETES: EDGE},
    "again-in-cleanup": {cleanup.CUT_SHORT: LEVEL, cleanup.CUT_SHORT_BY_THE_SECOND: EDGE},
    "shielded-call": {cleanup.CALLER_LEAVES: LOOPS, cleanup.CALLER_WAITS: OTHERS},
    "shielded-block": {cleanup.BEHIND_THE_SHIELD: OTHERS},
    "dropped-generator": {
        cleanup.WHOLE: (*LOOPS, "threads"),
        cleanup.TO_ITS_FIRST_WAIT: ("trio",),
        cleanup.NEVER: ("curio",),
    },
}
"""For each question the answers and the runtimes that give them."""

SABOTEURS = [
    ("cleanup-waits", "asyncio", "cancels-nothing", NEVER_ENDS),
    ("again-in-cleanup", "asyncio", "cancels-once", cleanup.OUTER_RUNS_ON),
    ("again-in-cleanup", "trio", "cancels-once", cleanup.OUTER_RUNS_ON),
    ("shielded-call", "trio", "shields-nothing", cleanup.WORK_IS_CANCELLED),
    ("shielded-call", "asyncio", "shields-nothing", cleanup.WORK_IS_CANCELLED),
    ("shielded-block", "trio", "shields-nothing", cleanup.INSIDE_THE_SHIELD),
    ("shielded-block", "trio", "cancels-nothing", cleanup.LOST),
]

SEEN_NOWHERE = {"again-in-cleanup": {cleanup.COMPLETES}}
"""Legitimate answers that no runtime gives as far as is known."""


# Dropping a generator is what trio warns of, and what curio refuses where nobody can hear it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other."""
    if name == "shielded-block" and backend in LOOPS:
        pytest.skip("declared absent: asyncio.shield protects an awaitable, not a block")
    report = run_roles(SCENARIOS[name], {}, backend=backend)
    assert report.errors == {}
    expected = {answer for answer, backends in EXPECTED[name].items() if backend in backends}
    assert set(report.values["answer"]) == expected


@pytest.mark.parametrize(("name", "backend", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, backend, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend=backend, wrap={"main": FAULTS[fault].runtime})
    assert report.errors == {}
    assert report.values["answer"] == [answer]
    assert report.violations == {"answer"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_expected_of_somebody(name):
    """Or is what a saboteur makes of it."""
    grades = SCENARIOS[name].judges["answer"].grades
    planted = {answer for asked, _, _, answer in SABOTEURS if asked == name} - {NEVER_ENDS}
    assert {*EXPECTED[name], *planted, *SEEN_NOWHERE.get(name, ())} == set(grades)
