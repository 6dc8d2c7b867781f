"""How a backend stands to the reference over all rows."""

from __future__ import annotations

import pytest

from harness.compare.overall import summarise_overall
from harness.model import CellSummary, MetricSummary, Outcome, RatioSummary, RowId, RowSummary


def square(label, values, *, better="lower", interval=True):
    """Return a square with a figure for each round."""
    ratio = RatioSummary(reference="asyncio", ratio=1.0, **({"low": 0.9, "high": 1.1} if interval else {}))
    headline = MetricSummary(
        unit="ns", better=better, values=tuple(values), median=values[0], rounds=tuple(range(1, len(values) + 1))
    )
    is_reference = label == "asyncio"
    return CellSummary(
        label=label, outcomes={Outcome.COMPLETED: 1}, headline=headline, ratio=None if is_reference else ratio
    )


def row(name, *cells):
    """Return a row of these squares."""
    return RowSummary(row=RowId(scenario=name, parameters=()), headline="took", cells=cells)


def test_half_and_double_are_equal():
    """A mean of factors has to be geometric."""
    rows = [
        row("one", square("asyncio", [10.0] * 10), square("trio", [20.0] * 10)),
        row("other", square("asyncio", [10.0] * 10), square("trio", [5.0] * 10)),
    ]
    mean = summarise_overall(rows, "asyncio")["trio"]
    assert (mean.ratio, mean.rows) == (pytest.approx(1.0), 2)
    assert (mean.low, mean.high) == (pytest.approx(1.0), pytest.approx(1.0))


def test_less_is_always_better():
    """Twice the throughput is half the cost."""
    rows = [
        row("sink", *(square(label, [rate] * 10, better="higher") for label, rate in (("asyncio", 1), ("trio", 2))))
    ]
    assert summarise_overall(rows, "asyncio")["trio"].ratio == pytest.approx(0.5)


def test_rows_with_an_interval_count():
    """One round says little beside ten; where there is nothing else it is the mean, without bounds."""
    sure = row("sure", square("asyncio", [10.0] * 10), square("trio", [20.0] * 10))
    vague = row("vague", square("asyncio", [10.0]), square("trio", [90.0], interval=False))
    mean = summarise_overall([sure, vague], "asyncio")["trio"]
    assert (mean.ratio, mean.rows) == (pytest.approx(2.0), 1)
    alone = summarise_overall([vague], "asyncio")["trio"]
    assert (alone.ratio, alone.rows, alone.low) == (pytest.approx(9.0), 1, None)


def test_bounds_hold_the_mean_and_are_the_same_each_time():
    """Rounds that differ give bounds on both sides of it."""
    ours = [10.0 + number for number in range(10)]
    rows = [row("one", square("asyncio", [10.0] * 10), square("trio", ours))]
    mean = summarise_overall(rows, "asyncio")["trio"]
    assert mean.low < mean.ratio < mean.high
    assert summarise_overall(rows, "asyncio")["trio"] == mean


def test_nothing_is_said_of_who_has_no_ratio():
    """The reference itself, and rows without it."""
    assert summarise_overall([row("one", square("asyncio", [10.0]))], "asyncio") == {}
    assert summarise_overall([row("one", square("trio", [10.0]))], "asyncio") == {}
