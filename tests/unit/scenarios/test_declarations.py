"""What holds for the declaration of every scenario: what it names exists, and what it judges has a reason."""

from __future__ import annotations

import importlib
from itertools import chain

import pytest
from msgspec.structs import replace

from harness.api import Bounded, Exact, Outcomes
from harness_scenarios.plugin import harness_scenarios

SCENARIOS = {scenario.name: scenario for scenario in harness_scenarios()}
declared = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


def test_names_are_their_own():
    """No scenario hides another one."""
    assert len(SCENARIOS) == len(harness_scenarios())


@declared
def test_a_worker_finds_it_by_its_ref(scenario):
    """Module and attribute; the plugin adds the topics of a family."""
    module, attribute = scenario.ref.split(":")
    found = getattr(importlib.import_module(module), attribute)
    assert replace(found, topics=scenario.topics) == scenario


@declared
def test_rows_use_declared_parameters_and_choices(scenario):
    """In each preset."""
    known = {parameter.name: parameter for parameter in scenario.parameters}
    for row in chain.from_iterable(map(scenario.preset_rows, scenario.rows)):
        assert all(value in (known[name].choices or (value,)) for name, value in row.items())


@declared
def test_headline_totals_and_parity_are_judged(scenario):
    """What a report shows is observed under a declared key."""
    named = {scenario.headline, *scenario.parity, *scenario.conserved, *chain(*scenario.conserved.values())}
    assert named <= set(scenario.judges)


@declared
def test_charts_are_of_declared_keys(scenario):
    """The table is observed under one, and the unit of the vertical axis is that of another, or declared."""
    named = {name for chart in scenario.charts for name in (chart.key, *([] if chart.y_unit else [chart.y]))}
    assert named <= set(scenario.judges)


@declared
def test_judges_have_reasons(scenario):
    """A finding says why it is one."""
    for key, judge in scenario.judges.items():
        match judge:
            case Outcomes(grades=grades):
                assert [value for value, graded in grades.items() if not graded.reason] == [], key
            case Bounded(reason=reason) | Exact(reason=reason):
                assert reason, key
