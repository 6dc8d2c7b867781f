"""Each fault makes a question that must see it give an answer that breaks its contract."""

from __future__ import annotations

import pytest

from harness.plugins import Plugins
from harness_saboteurs import FAULTS

SCENARIOS = Plugins().catalogue().scenarios


ENDS_THE_PROCESS = {"shutdown.interrupt", "shutdown.exit-in-a-task", "shutdown.exit-nobody-awaits"}
"""Questions for a worker: asked here they would end the tests."""


SWEEPS = ("process.", "end.", "tls.", "names.", "descriptors.")
"""Families whose questions are sweeps, where two repetitions and 0.2 s are not enough; they have tests of their own."""


def _is_asked_here(name):
    starts_runtimes = SCENARIOS[name].drive is not None  # generated programs: tests/unit/explore
    return "." in name and name not in ENDS_THE_PROCESS and not name.startswith(SWEEPS) and not starts_runtimes


IN_QUICK = {name for name, scenario in SCENARIOS.items() if scenario.preset_rows("quick")}
FIRST = {
    fault: question.name
    for is_quick in (False, True)
    for question in reversed(SCENARIOS.values())
    if (question.name in IN_QUICK) is is_quick
    for fault in question.catches
    if _is_asked_here(question.name)
}
"""The first question that must see a fault, if it can be one of a quick run. What no question sees is checked for
itself in `test_saboteurs`."""
QUICK_SHARE = 0.95
"""Of the faults that a default run catches, a quick run catches this share; `benchmarks.detection` measures it."""


PATIENCE_SECONDS = 0.2
"""Limit of a trial, of which a healthy one takes less: some faults are there to hang."""


@pytest.mark.parametrize(("fault", "question"), FIRST.items())
def test_broken_contract_is_seen(run_apart, fault, question):
    """In one of the rows of a quick run at least."""
    scenario = SCENARIOS[question]
    rows = scenario.preset_rows("quick") or ({},)
    assert any(_is_broken(run_apart, scenario, fault, dict(row)) for row in rows)


def test_a_quick_run_asks_about_nearly_every_fault():
    """Its rows are as few as keep that share: one that is about no fault of its own may be left to a default run."""
    in_default = {name for name, scenario in SCENARIOS.items() if scenario.preset_rows("default")}
    quick, default = (
        {fault for name in names for fault in SCENARIOS[name].catches} for names in (IN_QUICK, IN_QUICK | in_default)
    )
    assert default == FAULTS.keys()
    assert len(quick) >= QUICK_SHARE * len(default)


def _is_broken(run_apart, scenario, fault, row):
    asked = row | {"repetitions": 2}
    report = run_apart(scenario, asked, backend=FAULTS[fault].control, fault=fault, patience=PATIENCE_SECONDS)
    assert report.errors == {}
    return bool(report.violations)
