"""Figures against a parameter, and lists of alike things, as tables."""

import pytest

from harness.api import info, metric
from harness.compare import compare
from harness.model import Outcome
from harness_reports.cell_view import render_details
from harness_reports.sweep_table import find_sweeps
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell
from .sample_runs import show

PERCENTILES = {f"response {name}": metric("µs") for name in ("p50", "p90", "p99")}
JUDGES = {**PERCENTILES, "took": metric("ms"), "steps": info(), "word": info()}


def at(rate, backend="trio", figures=(100, 200, 300), **more):
    """Return a cell at a rate with its percentiles."""
    observed = {f"response {name}": figure for name, figure in zip(("p50", "p90", "p99"), figures, strict=False)}
    parameters = {"rate": rate, **more.pop("but", {})}
    return cell(backend, observed=observed, scenario="storm", parameters=parameters, **more)


def a_sweep(*cells, headline="response p90"):
    """Return a run of these cells."""
    return a_run(*cells, judges=JUDGES, headline=headline)


def sweeps_of(run):
    """Return the sweeps of a run as (parameter, values)."""
    return [(sweep.parameter, [value for value, _ in sweep.rows]) for sweep in find_sweeps(compare(run).rows)]


def table_in(text, title):
    """Return the lines of the table below a title, each split into words."""
    lines = text.splitlines()
    start = lines.index(title) + 1
    return [line.split() for line in lines[start : lines.index("", start)]]


def test_latency_against_rate():
    """A line for each rate and percentile, in the order of the rates, a column for each backend."""
    run = a_sweep(
        at(400, figures=(400, 800, 1600)),
        at(100),
        at(200),
        at(100, "asyncio", figures=(1, 2, 3)),
        at(200, "asyncio", figures=(4, 5, 6)),
        at(400, "asyncio", figures=(7, 8, 9)),
    )
    for render in (render_terminal, render_details):
        text = show(render, run, width=100)
        assert table_in(text, "storm by rate: response p50, p90, p99") == [
            ["rate", "trio", "asyncio"],
            ["100", "p50", "100", "µs", "1.00", "µs"],
            ["p90", "200", "µs", "2.00", "µs"],
            ["p99", "300", "µs", "3.00", "µs"],
            ["200", "p50", "100", "µs", "4.00", "µs"],
            ["p90", "200", "µs", "5.00", "µs"],
            ["p99", "300", "µs", "6.00", "µs"],
            ["400", "p50", "400", "µs", "7.00", "µs"],
            ["p90", "800", "µs", "8.00", "µs"],
            ["p99", "1.60", "ms", "9.00", "µs"],
        ]


def test_what_has_no_figure_says_why():
    """The outcome's symbol, or a dash where a percentile was not given."""
    run = a_sweep(at(100), at(200, figures=(1, 2)), at(400, outcome=Outcome.HUNG))
    table = table_in(show(render_terminal, run, width=100), "storm by rate: response p50, p90, p99")
    assert [line[-1] for line in table[4:]] == ["µs", "µs", "–", "H", "H", "H"]


def test_a_headline_that_is_no_percentile_has_one_line_for_each_value():
    """In the details, which have no grid; the grid of the terminal report says the same already."""
    cells = [cell("trio", observed={"took": n}, parameters={"items": n, "mode": "a"}) for n in (3, 1, 2)]
    run = a_sweep(*cells, headline="took")
    assert table_in(show(render_details, run, width=100), "drain by items: took (mode=a)") == [
        ["items", "trio"],
        ["1", "1.00", "ms"],
        ["2", "2.00", "ms"],
        ["3", "3.00", "ms"],
    ]
    assert "drain by items" not in show(render_terminal, run, width=100)


def test_two_values_are_no_curve_in_the_terminal_report():
    """They are two rows of the grid; the details compare them."""
    run = a_sweep(at(100), at(200))
    assert "storm by rate" in show(render_details, run)
    assert "storm by rate" not in show(render_terminal, run)


@pytest.mark.parametrize(
    "cells",
    [
        [at(100)],
        [at(100), at(200, but={"mode": "burst"})],
        [at("slow"), at("fast")],
        [at(True), at(False)],
        [at(100, figures=()), at(200, figures=())],
        [at(None), at(100)],
    ],
)
def test_rows_that_are_no_sweep(cells):
    """One row; two differences; words; truth values; no figures; one number only."""
    assert sweeps_of(a_sweep(*cells)) == []


def test_a_grid_of_two_numbers_is_a_sweep_in_each_direction():
    """Each with the other one fixed."""
    run = a_sweep(*(at(rate, but={"size": size}) for rate in (1, 2) for size in (10, 20)))
    assert sorted(sweeps_of(run)) == [("rate", [1, 2]), ("rate", [1, 2]), ("size", [10, 20]), ("size", [10, 20])]


def test_no_line_is_wider_than_the_terminal():
    """Many backends on a narrow one."""
    run = a_sweep(*(at(rate, name) for rate in (1, 2, 3) for name in ("asyncio", "uvloop", "trio", "curio", "threads")))
    assert max(map(len, show(render_details, run, width=50).splitlines())) <= 50


# --- tables of values ---


def test_the_steps_of_a_search_are_a_table():
    """A column for each name; one named as a key has that key's unit; nothing stays empty."""
    steps = [
        {"rate": 200, "response p90": 1400.0, "sustained": True, "lateness p99": None},
        {"rate": 3417.5, "response p90": 22_000.0, "sustained": False, "refused": 3},
    ]
    run = a_run(cell("trio", observed={"steps": [steps]}), judges=JUDGES, headline="took")
    lines = [line.split() for line in show(render_details, run, width=100).splitlines()]
    start = lines.index(["steps"])
    assert lines[start + 1 : start + 5] == [
        ["rate", "response", "sustained", "lateness", "refused"],
        ["p90", "p99"],
        ["200", "1.40", "ms", "yes"],
        ["3.42k", "22.0", "ms", "no", "3"],
    ]
    assert "{" not in show(render_details, run, width=100)


def test_other_lists_are_values():
    """A list of numbers, an empty one, and one of which only some are mappings."""
    run = a_run(cell("trio", observed={"word": [[1, 2]], "steps": [[]], "took": [[{"a": 1}, 2]]}), judges=JUDGES)
    assert "word: 1 | 2" in show(render_details, run)


def test_a_hostile_table_is_made_safe():
    """Names and values may hold anything."""
    run = a_run(cell("trio", observed={"steps": [[{"a\x1b[31m": "b\x1b[2J\n"}]]}), judges=JUDGES)
    assert "\x1b" not in show(render_details, run)


# --- what was not run ---


def test_a_headline_that_is_missing_is_told_from_figures_that_do_not_count():
    """Figures without the headline are good; those of a cell that did not end well are not."""
    run = a_run(cell("trio", observed={"took": 1.0}), judges=JUDGES, headline="response p90")
    assert "no headline: response p90 was not observed" in show(render_details, run)


def test_a_refused_cell_gives_its_reason_below_the_grid():
    """As one that is not supported does."""
    reason = "a storm of 9 connections is too large: backlog (5) allows 5"
    text = show(render_terminal, a_sweep(at(100, outcome=Outcome.NOT_RUN, reason=reason)), width=100)
    assert f"· trio: {reason} (1 row)" in text
