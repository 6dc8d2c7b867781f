"""What the order of execution does to figures, and that it makes no difference between backends."""

import math
import random

import msgspec
import pytest
from catalogue import catalogue

from harness.api import metric
from harness.compare import compare
from harness.model import Request, SpeedVerdict
from harness.plan import make_plan

from .run_builder import a_run, cell

ROUNDS = 18


def measured(figure, better="lower"):
    """Run a plan of two backends and the twin; `figure(place, round)` is what a cell shows, with a little noise."""
    plan = make_plan(Request(scenarios=("shout",), rounds=ROUNDS, baseline="alpha"), catalogue())
    source = random.Random(1)
    places: dict[int, int] = {}
    records = []
    for planned in plan.cells:
        places[planned.round] = places.get(planned.round, 0) + 1
        value = figure(places[planned.round], planned.round) * math.exp(source.gauss(0, 0.001))
        record = cell(planned.label, observed={"speed": value}, round=planned.round, scenario="shout")
        records.append(
            msgspec.structs.replace(
                record, cell=planned, result=msgspec.structs.replace(record.result, cell_id=planned.id)
            )
        )
    run = a_run(*records, judges={"speed": metric("ns", better=better)}, headline="speed")
    return compare(msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, plan=plan)))


def effects_of(comparison):
    return {effect.name: effect for effect in comparison.self_check.effects}


def verdicts(comparison):
    return {square.ratio.verdict for row in comparison.rows for square in row.cells if square.ratio}


def test_nothing_happens():
    """Both effects hold 1."""
    effects = effects_of(measured(lambda _place, _number: 100.0))
    assert set(effects) == {"first of its round", "second half of the rounds"}
    assert all(effect.low <= 1 <= effect.high for effect in effects.values())


def test_whoever_runs_first_is_slow():
    """The effect is seen, and no backend is called different for it."""
    comparison = measured(lambda place, _number: 120.0 if place == 1 else 100.0)
    first = effects_of(comparison)["first of its round"]
    assert first.low > 1.1
    assert verdicts(comparison) <= {SpeedVerdict.EQUIVALENT, SpeedVerdict.INCONCLUSIVE}
    assert not comparison.self_check.missed


@pytest.mark.parametrize(("better", "sign"), [("lower", 1), ("higher", -1)])
def test_a_machine_that_gets_slower(better, sign):
    """A third over the run: above 1 is worse, whichever way the figure goes."""
    comparison = measured(lambda _place, number: 100.0 * math.exp(sign * 0.3 * number / ROUNDS), better)
    assert effects_of(comparison)["second half of the rounds"].ratio == pytest.approx(math.exp(0.15), rel=0.01)
    assert verdicts(comparison) == {SpeedVerdict.EQUIVALENT}


def test_figures_without_a_logarithm():
    """There is nothing to tell, and nothing breaks."""
    assert measured(lambda _place, _number: 0.0).self_check.effects == ()


def test_one_round_has_no_halves():
    """A run that was interrupted in its first round can be judged."""
    twin = cell("asyncio", observed={"took": 1.0})
    twin = msgspec.structs.replace(twin, cell=msgspec.structs.replace(twin.cell, alias=True))
    records = (cell("asyncio", observed={"took": 1.0}), cell("trio", observed={"took": 1.0}), twin)
    comparison = compare(a_run(*records, judges={"took": metric("ns")}, headline="took"))
    assert comparison.self_check.checked == ()
