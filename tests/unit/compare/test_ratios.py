"""Ratios to the reference: over common rounds, of the same work, with what they allow to say."""

import math

import msgspec
import pytest

from harness.api import bounded, info, metric
from harness.compare import compare
from harness.model import Outcome, SpeedVerdict

from .run_builder import a_run, cell, square_of

JUDGES = {
    "took": metric("ns"),
    "rate": metric("1/s", better="higher"),
    "lost": bounded(at_most=0),
    "capacity": info(),
}


def run_of(*records, headline="took", parity=(), **changes):
    """Return a run whose headline is a metric; `changes` go to the plan or the request."""
    run = a_run(*records, judges=JUDGES, headline=headline)
    started = run.started
    cards = tuple(msgspec.structs.replace(card, parity=parity) for card in started.scenarios)
    plan = msgspec.structs.replace(started.plan, baseline=changes.pop("baseline", ""))
    request = msgspec.structs.replace(started.request, **changes)
    return msgspec.structs.replace(
        run, started=msgspec.structs.replace(started, scenarios=cards, plan=plan, request=request)
    )


def rounds(backend, values, key="took", **observed):
    """Return a cell for each round with its figure; no figure is a cell that hung."""
    return [
        cell(backend, Outcome.HUNG, round=number, reason="idle")
        if value is None
        else cell(backend, observed={key: value} | observed, round=number)
        for number, value in enumerate(values, start=1)
    ]


def ratio_of(*records, backend="trio", **changes):
    return square_of(run_of(*records, **changes), backend).ratio


def test_a_ratio_is_of_rounds_not_of_medians():
    """What disturbs a round disturbs both: the ratio is the same in each, whatever the figures do."""
    shared = [100, 5_000, 130, 90, 2_000, 110]
    ratio = ratio_of(*rounds("asyncio", shared), *rounds("trio", [value / 2 for value in shared]))
    assert (ratio.reference, ratio.rounds, ratio.verdict) == ("asyncio", 6, SpeedVerdict.FASTER)
    assert [ratio.ratio, ratio.low, ratio.high] == pytest.approx([0.5, 0.5, 0.5])
    assert ratio.confidence == 0.95


def test_samples_of_two_sources_are_called_bimodal():
    """The best samples are alike and the medians are not: what the middle one says is how often, not how fast."""
    ours = rounds("trio", [[100, 300, 310 + number] for number in range(8)])
    bimodal = ratio_of(*rounds("asyncio", [[100, 101, 102]] * 8), *ours).bimodal
    assert [bimodal.ratio, bimodal.low, bimodal.high] == pytest.approx([1.0] * 3)
    slower = rounds("trio", [[200, 202, 204]] * 8)
    assert ratio_of(*rounds("asyncio", [[100, 101, 102]] * 8), *slower).bimodal is None


def test_one_sample_of_each_cell_cannot_be_bimodal():
    """There is no best of them."""
    assert ratio_of(*rounds("asyncio", [100] * 8), *rounds("trio", [300] * 8)).bimodal is None


def test_the_best_of_samples_is_the_highest_of_what_should_be_high():
    """A rate that is higher was disturbed less."""
    ours = rounds("trio", [[300, 310, 900]] * 8, key="rate")
    found = ratio_of(*rounds("asyncio", [[900, 901, 902]] * 8, key="rate"), *ours, headline="rate")
    assert found.bimodal.ratio == pytest.approx(900 / 902)


def test_fewer_than_six_rounds_have_no_verdict():
    """The ratio is there, an interval is not."""
    ratio = ratio_of(*rounds("asyncio", [100] * 5), *rounds("trio", [50] * 5))
    assert (ratio.ratio, ratio.low, ratio.high, ratio.verdict) == (pytest.approx(0.5), None, None, None)
    assert ratio_of(*rounds("asyncio", [100]), *rounds("trio", [50])).ratio == pytest.approx(0.5)


def test_higher_may_be_better():
    """Half as many per second is slower."""
    cells = (*rounds("asyncio", [100] * 6, key="rate"), *rounds("trio", [50] * 6, key="rate"))
    assert ratio_of(*cells, headline="rate").verdict is SpeedVerdict.SLOWER


def test_many_backends_need_more_rounds():
    """Four in a row: six rounds show an interval and decide nothing; eight decide."""
    names = ("asyncio", "uvloop", "curio", "trio")
    few, enough = (
        ratio_of(*(record for name in names for record in rounds(name, [50 if name == "trio" else 100] * count)))
        for count in (6, 8)
    )
    assert (few.confidence, few.verdict, few.rounds_needed) == (0.95, SpeedVerdict.INCONCLUSIVE, 8)
    assert (enough.confidence, enough.verdict, enough.rounds_needed) == (0.99, SpeedVerdict.FASTER, 0)


def test_every_metric_has_a_ratio():
    """The headline's is named apart."""
    cells = [
        cell(name, observed={"took": took, "rate": rate}) for name, took, rate in (("asyncio", 1, 8), ("trio", 2, 4))
    ]
    square = square_of(run_of(*cells), "trio")
    assert {key: ratio.ratio for key, ratio in square.ratios.items()} == {
        "took": pytest.approx(2),
        "rate": pytest.approx(0.5),
    }
    assert square.ratio == square.ratios["took"]


def test_the_reference_is_the_first_column_unless_another_is_named():
    """It has no ratio to itself."""
    cells = (*rounds("asyncio", [100]), *rounds("trio", [50]))
    run = run_of(*cells, baseline="trio")
    assert (compare(run).reference, square_of(run, "trio").ratio) == ("trio", None)
    assert square_of(run, "asyncio").ratio.ratio == pytest.approx(2)
    assert compare(run_of(*cells)).reference == "asyncio"


@pytest.mark.parametrize(
    ("asyncio", "trio", "withheld"),
    [
        ([1] * 5, [1, None, 1, 1, 1], ""),
        ([None, 1, 1, 1, 1], [1, None, 1, 1, 1], "only 3 of 5 rounds have a figure of both"),
        ([1] * 5, [1, 1, 0, 0, 1], "a figure of 0 has no ratio"),
        ([1] * 5, [0] * 5, "a figure of 0 has no ratio"),
    ],
)
def test_missing_rounds(asyncio, trio, withheld):
    """One in five may lack one side; more, and there is no ratio."""
    ratio = ratio_of(*rounds("asyncio", asyncio), *rounds("trio", trio))
    assert ratio.withheld == withheld
    assert (ratio.ratio is None) == bool(withheld)


@pytest.mark.parametrize(
    ("trio", "why"), [([None] * 5, "no figure"), ([1, None, None, 1, 1], "too many missing")], ids=lambda v: str(v)
)
def test_void_figures_have_no_ratio(trio, why):
    """Where there is no figure there is nothing to compare, on either side."""
    assert ratio_of(*rounds("asyncio", [1] * 5), *rounds("trio", trio)) is None, why
    assert ratio_of(*rounds("trio", [1] * 5), *rounds("asyncio", trio)) is None
    broken = rounds("trio", [1] * 6, lost=1)
    assert ratio_of(*rounds("asyncio", [1] * 6, lost=0), *broken) is None


def test_what_is_not_the_same_work_has_no_ratio():
    """The field that differs is named, with both values; who asks for it gets the ratio beside it."""
    cells = (*rounds("asyncio", [100] * 6, capacity=1), *rounds("trio", [50] * 6, capacity="unbounded"))
    assert ratio_of(*cells).ratio == pytest.approx(0.5)
    withheld = ratio_of(*cells, parity=("capacity",))
    assert (withheld.ratio, withheld.verdict) == (None, None)
    assert withheld.withheld == "not the same work: capacity: unbounded against 1"
    allowed = ratio_of(*cells, parity=("capacity",), allow_disparity=True)
    assert (allowed.verdict, allowed.disparity) == (SpeedVerdict.FASTER, ("capacity: unbounded against 1",))


def test_parity_that_one_side_does_not_tell():
    """Nobody knows whether it is the same work."""
    cells = (*rounds("asyncio", [100], capacity=1), *rounds("trio", [50]))
    assert ratio_of(*cells, parity=("capacity",)).disparity == ("capacity: not observed against 1",)
    same = (*rounds("asyncio", [100], capacity=1), *rounds("trio", [50], capacity=1))
    assert ratio_of(*same, parity=("capacity", "fairness")).disparity == ()


def test_a_wide_interval_says_how_many_rounds_would_do():
    """About; and never fewer than there are."""
    noisy = [100, 150, 80, 120, 70, 130]
    ratio = ratio_of(*rounds("asyncio", [100] * 6), *rounds("trio", noisy))
    assert ratio.verdict is SpeedVerdict.INCONCLUSIVE
    assert ratio.low == pytest.approx(0.7)
    assert ratio.high == pytest.approx(1.5)
    assert ratio.rounds_needed > 6


def test_ratios_of_extreme_figures_are_numbers():
    """A report is JSON, which has no infinity."""
    ratio = ratio_of(*rounds("asyncio", [1e-300] * 6), *rounds("trio", [1e300] * 6))
    assert math.isfinite(ratio.ratio)
    assert math.isfinite(ratio.high)
