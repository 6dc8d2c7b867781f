"""Which block a deadline ends and when: each runtime answers as known, and every broken contract is seen."""

from __future__ import annotations

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import deadline

SCENARIOS = {scenario.name.removeprefix("deadline."): scenario for scenario in deadline.SCENARIOS}
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
LEVEL = ("trio", "threads")
EDGE = ("asyncio", "uvloop", "curio")

EXPECTED = [
    ("outer-passes-first", {}, {deadline.OUTER_BLAMED: ALL}),
    ("inner-passes-first", {}, {deadline.INNER_ALONE: ALL}),
    ("both-pass-at-once", {}, {deadline.OUTER_ALONE: ALL}),
    ("in-the-past", {}, {deadline.FIRST_WAIT: ("asyncio", "uvloop", *LEVEL), deadline.LATER_WAIT: ("curio",)}),
    ("zero-and-ready", {}, {deadline.RESULT_WINS: (*EDGE, "threads"), deadline.DEADLINE_WINS: ("trio",)}),
    ("block-without-wait", {}, {deadline.NO_ERROR: ALL}),
    ("always-ready-loop", {}, {deadline.WHILE_IT_RUNS: ("trio",), deadline.BEHIND_THE_LOOP: (*EDGE, "threads")}),
    ("reaches-children", {}, {deadline.CHILDREN_END: ALL}),
    ("in-cleanup", {}, {deadline.ITS_OWN: EDGE, deadline.CUT_SHORT: LEVEL}),
]
"""Each question with its parameters, its answers and the runtimes that give them."""

SABOTEURS = [
    ("outer-passes-first", {}, "trio", "wrong-scope-blamed", deadline.INNER_BLAMED),
    ("outer-passes-first", {}, "trio", "time-out-hidden", deadline.NOBODY_BLAMED),
    ("inner-passes-first", {}, "trio", "time-out-spreads-outwards", deadline.OUTER_TOO),
    ("inner-passes-first", {}, "threads", "time-out-hidden", deadline.NOBODY_BLAMED),
    ("both-pass-at-once", {}, "asyncio", "outer-deadline-forgotten", deadline.OUTER_LOST),
    ("both-pass-at-once", {}, "trio", "time-out-hidden", deadline.NOBODY_BLAMED),
    ("in-the-past", {}, "trio", "deadlines-forgotten", deadline.NO_WAIT),
    ("zero-and-ready", {}, "asyncio", "cancelled-receive-drops", deadline.ITEM_LOST),
    ("block-without-wait", {}, "trio", "cancellation-left-behind", deadline.NEXT_WAIT),
    ("always-ready-loop", {}, "trio", "deadlines-forgotten", deadline.NOT_EVEN_THEN),
    ("reaches-children", {}, "asyncio", "child-outlives-group", deadline.CHILD_LEFT),
    ("reaches-children", {}, "trio", "time-out-hidden", deadline.SILENT),
    ("in-cleanup", {}, "asyncio", "time-out-hidden", deadline.CANCELLATION_LOST),
]

SEEN_NOWHERE = {"both-pass-at-once": {deadline.ONE_BY_ONE}, "block-without-wait": {deadline.TOLD}}
"""Legitimate answers that no runtime gives as far as is known."""


@pytest.mark.parametrize(("name", "parameters", "answers"), EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name, parameters, answers):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_roles(SCENARIOS[name], parameters, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) == {answer for answer, backends in answers.items() if backend in backends}


@pytest.mark.parametrize(("name", "parameters", "backend", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, parameters, backend, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], parameters, backend=backend, wrap={"main": FAULTS[fault].runtime})
    assert report.errors == {}
    assert answer in report.values["answer"]
    assert report.violations == {"answer"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_expected_of_somebody(name):
    """Or is what a saboteur makes of it."""
    grades = SCENARIOS[name].judges["answer"].grades
    known = {answer for asked, _, answers in EXPECTED if asked == name for answer in answers}
    planted = {answer for asked, _, _, _, answer in SABOTEURS if asked == name}
    assert known | planted | SEEN_NOWHERE.get(name, set()) == set(grades)
