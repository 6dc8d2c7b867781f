"""No item is lost or doubled by a cancellation on any runtime, and a runtime that loses one is seen."""

from __future__ import annotations

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import cancel_items as items

SCENARIOS = {scenario.name.removeprefix("cancel."): scenario for scenario in items.SCENARIOS}
EXPECTED = {
    "receive-keeps-item": {items.RECEIVED, items.STILL_THERE},
    "send-sends-once": {items.SENT, items.NOT_SENT},
}
"""What each question may hear: both orders are tried."""

READY = {"ready-operation": {items.IS_A_CHECKPOINT, items.GOES_THROUGH}}

SABOTEURS = [
    ("receive-keeps-item", 1, "trio", "cancelled-receive-drops", items.LOST),
    ("receive-keeps-item", 0, "trio", "cancelled-receive-drops", items.LOST),
    ("receive-keeps-item", 1, "asyncio", "cancelled-receive-drops", items.LOST),
    ("receive-keeps-item", 1, "asyncio", "item-received-twice", items.TWICE),
    ("send-sends-once", 1, "trio", "cancelled-send-sends", items.SENT_IN_SPITE),
    ("send-sends-once", 0, "asyncio", "cancelled-send-sends", items.SENT_IN_SPITE),
    ("send-sends-once", 1, "asyncio", "item-lost", items.NEVER_ARRIVES),
    ("send-sends-once", 1, "asyncio", "item-sent-twice", items.DUPLICATED),
    ("ready-operation", None, "asyncio", "cancelled-receive-drops", items.ITEM_GONE),
]


@pytest.mark.parametrize("capacity", [1, 0])
@pytest.mark.parametrize("name", EXPECTED)
def test_no_runtime_loses_an_item(run_roles, backend, name, capacity):
    """Whoever comes first; where there are turns both do, in one of the repetitions."""
    report = run_roles(SCENARIOS[name], {"capacity": capacity}, backend=backend)
    assert report.errors == {}
    assert set(report.values["answer"]) <= EXPECTED[name]
    if backend != "threads":
        assert set(report.values["answer"]) == EXPECTED[name]


def test_only_trio_looks_before_it_receives(run_roles, backend):
    """An item that is there is received by a cancelled task, but for trio, where each operation is a checkpoint."""
    report = run_roles(SCENARIOS["ready-operation"], {}, backend=backend)
    assert set(report.values["answer"]) == {items.IS_A_CHECKPOINT if backend == "trio" else items.GOES_THROUGH}


@pytest.mark.parametrize(("name", "capacity", "backend", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, capacity, backend, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    parameters = {} if capacity is None else {"capacity": capacity}
    report = run_roles(SCENARIOS[name], parameters, backend=backend, wrap={"main": FAULTS[fault].runtime})
    assert report.errors == {}
    assert answer in report.values["answer"]
    assert report.violations == {"answer"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_answer_is_expected_of_somebody(name):
    """Or is what a saboteur makes of it."""
    grades = SCENARIOS[name].judges["answer"].grades
    assert (EXPECTED | READY)[name] | {answer for asked, _, _, _, answer in SABOTEURS if asked == name} == set(grades)
