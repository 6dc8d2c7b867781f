"""Ratios in the terminal report: as much of them as there is room for."""

import msgspec

from harness.api import info, metric
from harness.compare import compare
from harness.model import RenderOptions, RowId, SelfCheck
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell

JUDGES = {"took": metric("ns"), "memory": metric("B"), "capacity": info()}


def report(figures, width=100, rounds=6, headline="took", parity=(), allow_disparity=False, **observed):
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
    return render_terminal(run, compare(run), RenderOptions(width=width)).replace("\N{MULTIPLICATION SIGN}", "x")


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


def check(checked, missed, verbosity=0):
    """Return the report of a run whose self-check has so many rows."""
    rows = tuple(RowId("drain", (("size", number),)) for number in range(checked))
    comparison = msgspec.structs.replace(
        compare(a_run(cell("asyncio"))),
        self_check=SelfCheck(reference="asyncio", checked=rows, missed=rows[:missed]),
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
