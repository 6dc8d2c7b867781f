"""The grid: numbers that count, and the reason where none does."""

import pytest

from harness.api import bounded, exact, info, metric
from harness.model import FindingKind, Outcome

from .run_builder import a_run, cell, square_of, unhandled

JUDGES = {"took": metric("ns"), "rate": metric("1/s", better="higher"), "lost": bounded(at_most=0), "note": info()}


def run_of(*records, **more):
    """Return a run whose headline is a metric."""
    return a_run(*records, judges=JUDGES, headline="took", **more)


def test_a_value_for_each_round():
    """It is the median of the samples of a cell; the rounds are told, because they pair values."""
    cells = [cell("trio", observed={"took": values}, round=number) for number, values in ((1, [1, 9, 2]), (3, [4, 6]))]
    square = square_of(run_of(*cells), "trio")
    assert square.headline == square.metrics["took"]
    assert (square.headline.values, square.headline.rounds, square.headline.median) == ((2, 5), (1, 3), 3.5)
    assert (square.headline.unit, square.headline.better) == ("ns", "lower")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (cell("trio", Outcome.HUNG, observed={"took": 1}, reason="idle"), "hung: idle"),
        (cell("trio", Outcome.UNSUPPORTED, reason="no shield"), "unsupported: no shield"),
        (cell("trio", observed={"took": 1, "lost": 2}), "lost is more than 0"),
        (cell("trio", observed={"took": 1}, unhandled=(unhandled(),)), "unhandled exception OSError"),
        (cell("trio", observed={"took": 1}, holds=None), "what really ran was not attested"),
        (cell("trio", observed={"took": 1}, holds=False), "what really ran was not attested"),
        (cell("trio", observed={"took": 1, "note": 3, "rate": 2}), "counts are not conserved: note"),
        (cell("trio", observed={"rate": 1}), "took was not observed"),
    ],
)
def test_a_number_counts_only_if_the_cell_was_right(record, reason):
    """Else there is none, and the square says why."""
    run = run_of(record, conserved={"note": ("rate",)} if "conserved" in reason else {})
    square = square_of(run, "trio")
    assert (square.headline, square.reason) == (None, reason)
    if "observed" not in reason:
        assert square.metrics == {}


def test_numbers_are_void_also_if_everybody_breaks_the_contract():
    """A doubt in the scenario makes its numbers no better."""
    run = run_of(*(cell(name, observed={"took": 1, "lost": 1}) for name in ("asyncio", "trio")))
    assert [square_of(run, name).headline for name in ("asyncio", "trio")] == [None, None]


def test_a_divergence_does_not_void_numbers():
    """Who differs is not therefore wrong."""
    cells = [cell(name, observed={"took": 1, "end": end}) for name, end in (("asyncio", "a"), ("trio", "b"))]
    run = a_run(*cells, judges=JUDGES | {"end": exact()}, headline="took")
    assert square_of(run, "trio").headline.median == 1


@pytest.mark.parametrize(("rounds", "has_figure"), [(10, True), (5, True), (4, False), (1, False)])
def test_one_round_in_five_may_be_missing(rounds, has_figure):
    """More than that, and a square has only its outcomes."""
    cells = [cell("trio", observed={"took": number}, round=number) for number in range(2, rounds + 1)]
    square = square_of(run_of(cell("trio", Outcome.HUNG, reason="idle"), *cells), "trio")
    assert (square.headline is not None) == has_figure
    expected = "" if has_figure else "hung: idle" if rounds == 1 else f"1 of {rounds} rounds: hung: idle"
    assert square.reason == expected
    assert square.outcome is Outcome.HUNG


def test_other_values_are_shown_as_seen():
    """One value is itself, several are a list; a metric is not among them."""
    record = cell("trio", observed={"took": 1, "note": ["a", "b", "a"], "lost": [0, 0]})
    assert square_of(run_of(record), "trio").values == {"lost": 0, "note": ["a", "b"]}


def test_kinds_of_findings_of_a_square():
    """Heaviest first; a finding about another backend is not this one's."""
    run = run_of(
        cell("asyncio", observed={"lost": 0}),
        cell("trio", observed={"lost": 1}, escaped=("1 x",)),
        cell("curio", Outcome.UNAVAILABLE),
    )
    assert square_of(run, "trio").findings == (FindingKind.VIOLATION, FindingKind.LEFTOVER)
    assert square_of(run, "asyncio").findings == ()
    assert square_of(run, "curio").findings == (FindingKind.UNAVAILABLE,)
