"""Ratios in the terminal report: as much of them as there is room for."""

import msgspec
import pytest

from harness.api import info, metric
from harness.compare import compare
from harness.model import OrderEffect, RenderOptions, RowId, SelfCheck
from harness_reports.cell_view import render_details
from harness_reports.html_report.page import render_html
from harness_reports.markdown_report import render_markdown
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell

JUDGES = {"took": metric("ns"), "memory": metric("B"), "capacity": info(), "size": info()}


def report(
    figures,
    width=100,
    rounds=6,
    headline="took",
    parity=(),
    allow_disparity=False,
    render=render_terminal,
    verbosity=0,
    **observed,
):
    """Return the report of backends with a figure each; `observed` maps a key to its value on each backend."""
    records = [
        cell(name, observed={headline: value} | {key: seen[name] for key, seen in observed.items()}, round=number)
        for name, value in figures.items()
        for number in range(1, rounds + 1)
    ]
    run = a_run(*records, judges=JUDGES, headline=headline)
    cards = tuple(msgspec.structs.replace(card, parity=parity) for card in run.started.scenarios)
    request = msgspec.structs.replace(run.started.request, allow_disparity=allow_disparity)
    run = msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, scenarios=cards, request=request))
    options = RenderOptions(width=width, verbosity=verbosity)
    return render(run, compare(run), options).replace("\N{MULTIPLICATION SIGN}", "x")


def test_six_rounds_have_an_interval_and_a_verdict():
    """On one line where there is room."""
    text = report({"asyncio": 1_000, "trio": 550})
    assert "defaults  ✓ 1.00 µs  ✓ 550 ns * x0.55 [0.55, 0.55] faster\n" in text
    assert "x against asyncio" in text


def test_fewer_have_a_ratio_only():
    """It is what was seen, and says nothing of how sure it is."""
    assert "✓ 550 ns * x0.55\n" in report({"asyncio": 1_000, "trio": 550}, rounds=5)


def test_a_narrow_terminal_stacks():
    """Interval and verdict go below the figure."""
    lines = report({"asyncio": 1_000, "uvloop": 500, "trio": 2_000}, width=70).splitlines()
    (index,) = [number for number, line in enumerate(lines) if "defaults" in line]
    shown = [line.split() for line in lines[index : index + 3]]
    assert shown[0] == ["defaults", "✓", "1.00", "µs", "✓", "500", "ns", "*", "x0.50", "✓", "2.00", "µs", "x2.00"]
    assert shown[1:] == [["[0.50,", "0.50]", "[2.00,", "2.00]"], ["faster", "slower"]]
    assert max(map(len, lines)) <= 70


def test_where_there_is_no_room_for_a_grid_nothing_is_lost():
    """A line for each backend has the whole ratio."""
    text = report({"asyncio": 1_000, "uvloop": 500, "curio": 1_100, "trio": 2_000}, width=50, rounds=8)
    assert "✓ 2.00 µs x2.00 [2.00, 2.00] slower" in text


def test_less_memory_is_better_and_not_faster():
    """Only times are fast."""
    text = report({"asyncio": 1_000, "trio": 550}, headline="memory")
    assert "x0.55 [0.55, 0.55] better" in text


def test_unlike_work_has_no_ratio_and_says_why():
    """The field that differs is below the grid, with how to see the ratio."""
    capacity = {"asyncio": 1, "trio": "unbounded"}
    text = report({"asyncio": 1_000, "trio": 550}, parity=("capacity",), capacity=capacity)
    assert "✓ 550 ns * ≁\n" in text
    assert "≁ not the same work as asyncio" in text
    assert "≁ drain on trio: capacity: unbounded against 1 (1 row)\n" in text
    assert "--allow-disparity gives the ratios" in text
    allowed = report({"asyncio": 1_000, "trio": 550}, parity=("capacity",), capacity=capacity, allow_disparity=True)
    assert "x0.55 ≁ [0.55, 0.55] faster" in allowed
    assert "≁ drain on trio: capacity: unbounded against 1 (1 row)\n" in allowed
    assert "--allow-disparity" not in allowed


@pytest.mark.parametrize(
    ("figures", "more", "line"),
    [
        (
            {"asyncio": 1_000, "trio": 550},
            {},
            "trio x0.55 [0.55, 0.55] faster against asyncio (6 rounds, 95 %)",
        ),
        ({"asyncio": 1_000, "trio": 550}, {"rounds": 1}, "trio x0.55 against asyncio (1 round)"),
        (
            {"asyncio": 1_000, "uvloop": 900, "curio": 900, "trio": 550},
            {},
            "trio x0.55 [0.55, 0.55] inconclusive against asyncio (6 rounds, 95 %, about 8 would decide)",
        ),
        (
            {"asyncio": 1_000, "trio": 550},
            {"parity": ("capacity",), "capacity": {"asyncio": 1, "trio": 2}},
            "trio no ratio to asyncio: not the same work: capacity: 2 against 1",
        ),
        (
            {"asyncio": 1_000, "trio": 550},
            {"parity": ("size",), "size": {"asyncio": 1, "trio": 2}, "allow_disparity": True},
            "trio x0.55 ≁ [0.55, 0.55] faster against asyncio (6 rounds, 95 %, not the same work: size: 2 against 1)",
        ),
    ],
)
def test_a_ratio_in_full(figures, more, line):
    """With what it rests on; `run` shows it below its cells."""
    text = report(figures, render=render_details, width=140, **more)
    assert "drain took\n" in text
    assert line in [" ".join(shown.split()) for shown in text.splitlines()]


def test_observations_have_their_ratio():
    """`--verbose` says it beside the figure."""
    text = report({"asyncio": 1_000, "trio": 550}, verbosity=1)
    assert "  ratio   x0.55 [0.55, 0.55] faster against asyncio (6 rounds, 95 %)\n" in text


def check(checked, missed, verbosity=0, effects=()):
    """Return the report of a run whose self-check has so many rows."""
    rows = tuple(RowId("drain", (("size", number),)) for number in range(checked))
    comparison = msgspec.structs.replace(
        compare(a_run(cell("asyncio"))),
        self_check=SelfCheck(reference="asyncio", checked=rows, missed=rows[:missed], effects=effects),
    )
    return render_terminal(a_run(cell("asyncio")), comparison, RenderOptions(width=120, verbosity=verbosity))


def test_the_self_check_is_on_top():
    """Before any figure; a miss that chance explains is named."""
    lines = check(40, 0).splitlines()
    assert lines[2] == "self-check: asyncio is like itself in 40 of 40 rows (99 %)"
    assert "in 39 of 40 rows (99 %); not in drain[size=0], as chance may have it\n" in check(40, 1)
    assert "self-check: none, asyncio against itself needs 8 rounds\n" in check(0, 0)


def test_a_failed_self_check_cannot_be_overlooked():
    """Also a quiet report says it; one that holds is not worth a line there."""
    for verbosity in (-1, 0):
        text = check(3, 2, verbosity).replace("\n", " ")
        assert "self-check failed: asyncio differs from itself in 2 of 3 rows, so no verdict on speed is given" in text
        assert "drain[size=0], drain[size=1]" in text
    assert "self-check" not in check(3, 0, -1)


def test_what_disturbed_all_alike_is_said_where_it_did():
    """One line below the self-check; what may be nothing is left to JSON."""
    effects = (
        OrderEffect(name="first of its round", ratio=1.2, low=1.1, high=1.3, count=30),
        OrderEffect(name="second half of the rounds", ratio=1.1, low=0.9, high=1.3, count=30),
    )
    text = check(3, 0, effects=effects).replace("\N{MULTIPLICATION SIGN}", "x")
    assert "slower, for all alike: first of its round x1.20 [1.10, 1.30]\n" in text
    assert "for all alike" not in check(3, 0, effects=effects[1:])


def test_intervals_stand_below_a_grid_that_has_no_room_for_them():
    """By row, as many beside each other as fit; rows without an interval are left out."""
    names = {"asyncio": 100, "uvloop": 50, "trio": 200, "curio": 100, "threads": 300}
    wide, narrow = (report(names, width=width, rounds=10) for width in (300, 80))
    assert "against asyncio, with" not in wide
    lines = narrow[narrow.index("against asyncio, with 99 % intervals") :].splitlines()
    assert lines[2].startswith("    uvloop x0.50 [0.50, 0.50] faster   trio x2.00 [2.00, 2.00] slower")
    assert all(len(line) <= 80 for line in lines)
    assert "against asyncio, with" not in report(names, width=80, rounds=1)


def test_a_ratio_of_two_sources_says_so():
    """One word in the grid, and what the best samples say where there is room."""
    samples = {"asyncio": [100, 101, 102], "trio": [100, 300, 310]}
    assert "faster" not in (text := report(samples))
    assert "x2.97 [2.97, 2.97] slower, bimodal" in text
    detail = report(samples, render=render_details)
    assert "by the best values of the cells x1.00 [1.00, 1.00]" in " ".join(detail.split())


@pytest.mark.parametrize("render", [render_terminal, render_html, render_markdown])
def test_how_quiet_the_machine_was_stands_on_top(render):
    """Where it was looked at, in one line with its reasons."""
    run = a_run(cell("asyncio", observed={"took": 1.0}), judges=JUDGES, headline="took")
    assert "this machine was" not in render(run, compare(run), RenderOptions())
    started = msgspec.structs.replace(run.started, environment={"noise": "fair (p90 9 % above the median)"})
    run = msgspec.structs.replace(run, started=started)
    assert "before the run this machine was fair (p90 9 % above the median)" in render(
        run, compare(run), RenderOptions()
    )


@pytest.mark.parametrize("render", [render_details, render_html])
def test_beside_a_ratio_stands_what_is_not_the_runtimes_own(render):
    """What had to agree and what it was, what is emulated, and what the adapter costs."""
    records = [
        cell(name, observed={"took": took, "capacity": 1}) for name, took in (("asyncio", 100.0), ("trio", 200.0))
    ]
    run = a_run(*records, judges=JUDGES, headline="took")
    (card,) = run.started.scenarios
    card = msgspec.structs.replace(card, parity=("capacity",), requires=("channel", "select"))
    cards = tuple(
        msgspec.structs.replace(
            backend,
            offers={"channel": "emulated: a deque", "shield": "absent: none"},
            implements=("drain",),
            costs={"drain": "×0.5 of a program by hand", "storm": "×9"},
        )
        if backend.label == "trio"
        else backend
        for backend in run.started.backends
    )
    started = msgspec.structs.replace(run.started, scenarios=(card,), backends=cards)
    run = msgspec.structs.replace(run, started=started)
    text = " ".join(render(run, compare(run), RenderOptions(width=200)).split())
    for said in (
        "capacity: 1",
        "channel emulated: a deque",
        "trio brings its own implementation of the scenario",
        "adapter: ×0.5 of a program by hand",
    ):
        assert said in text
    assert "shield absent: none" not in text
    assert "×9" not in text


def test_over_all_rows_there_is_a_mean():
    """Below the grid, if it is of more than one row; it is no verdict."""
    records = [
        cell(name, observed={"took": took}, round=number, parameters={"n": n})
        for number in range(1, 7)
        for n, factor in ((1, 4.0), (2, 1.0))
        for name, took in (("asyncio", 100.0), ("trio", 100.0 * factor))
    ]
    run = a_run(*records, judges=JUDGES, headline="took")
    text = render_terminal(run, compare(run), RenderOptions(width=100)).replace("\N{MULTIPLICATION SIGN}", "x")
    assert (
        "over all rows with an interval, geometric mean of cost; no verdict\n  trio x2.00 [2.00, 2.00] (2 rows)\n"
        in (text)
    )
    assert "over all rows" not in report({"asyncio": 100, "trio": 50})


def test_a_name_that_goes_on_stands_below_its_beginning():
    """So that the rows can be told apart."""
    place = {"scenario": "drain", "parameters": {"arrival": "poisson", "mode": "saturate", "capacity": 1000}}
    records = [cell(name, observed={"took": 1.0}, **place) for name in ("asyncio", "uvloop", "trio", "curio")]
    other = [cell("asyncio", observed={"took": 1.0}, scenario="drain")]
    run = a_run(*records, *other, judges=JUDGES, headline="took")
    text = render_terminal(run, compare(run), RenderOptions(width=60))
    named = [line for line in text.splitlines() if "=" in line and "\N{MULTIPLICATION SIGN}" not in line]
    assert len(named) > 1
    assert {line[:2] for line in named} == {"  "}
