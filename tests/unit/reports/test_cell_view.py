"""Everything known of each cell."""

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from harness.api import info, metric
from harness.model import Autopsy, LastSeen, Outcome
from harness_reports.cell_view import render_details

from ..compare.run_builder import a_run, cell, error, unhandled
from .sample_runs import CONSERVED, JUDGES, everything, fine, show


def details(*records, **more):
    """Return the view of a run with these cells."""
    run = a_run(*records, **{"judges": JUDGES, "conserved": CONSERVED, "headline": "response p90", **more})
    return show(render_details, run, width=100, run_path="runs/r1")


def test_a_cell_with_which_nothing_is_wrong():
    """Outcome, parameters, what ran, figures, counts, values, steps, evidence."""
    text = details(fine("trio", parameters={"rate": 200}, evidence="evidence/x"))
    assert text.split("\n\n")[0].splitlines() == [
        "✓ drain on trio",
        "  outcome    completed after 1.50 s",
        "  parameters rate=200; seed 1",
        "  ran on     trio.Runner, cpython 3.11.7, trio 0.35.0",
        "  figures    response p90  1.34 ms",
        "  counts     due 400 = delivered 400 + lost 0",
        "  observed   who sees the end: all",
        "             delivery: delivered (1 of 2), edge (1 of 2)",
        "  steps      reader: wait → wake → end",
        "             writer: send → close",
        "  evidence   runs/r1/evidence/x",
    ]


def test_a_cell_that_was_started_by_another_program():
    """Beside what else makes it the cell that it is."""
    record = fine("trio")
    text = details(replace(record, cell=replace(record.cell, executor="nice")))
    assert "  parameters defaults; seed 1; started by nice\n" in text


def test_figures_are_aligned_and_samples_are_summarised():
    """With unit, median and range."""
    judges = {"took": metric("ns"), "longer name": info("B")}
    text = details(cell("trio", observed={"took": [100, 300, 200], "longer name": 2048}), judges=judges, conserved={})
    assert "  figures    took         200 ns (median of 3, 100 ns … 300 ns)\n" in text
    assert "             longer name  2.00 KiB\n" in text


def test_text_of_several_lines_keeps_them():
    """The traceback and the output of a test are read line by line."""
    text = details(
        cell("trio", observed={"traceback": "Traceback:\n  File t.py\n\nE: why"}), judges={"traceback": info()}
    )
    lines = [line.removeprefix("  observed").strip() for line in text.splitlines()]
    first = lines.index("traceback:")
    assert lines[first : first + 5] == ["traceback:", "Traceback:", "File t.py", "", "E: why"]


def test_counts_that_do_not_add_up_are_shown_so():
    """The sum check is done for the reader."""
    text = details(fine("trio", but={"items delivered": 399}))
    assert "  counts     due 400 ≠ delivered 399 + lost 0 = 399: does not add up\n" in text
    assert "none of them counts: counts are not conserved: items due\n" in text


def test_what_went_wrong():
    """Error with leaves, unhandled exceptions, leftovers."""
    text = details(
        cell(
            "trio",
            Outcome.RAISED,
            reason="ExceptionGroup: several",
            error=error("ExceptionGroup", "several", leaves=("KeyError: 'a'",)),
            unhandled=(unhandled(),),
            escaped=("12 sleep",),
            survivors=("13 zombie",),
        )
    )
    assert "R drain on trio\n" in text
    assert "  outcome     raised after 1.50 s: ExceptionGroup: several\n" in text
    assert "  error       KeyError: 'a'\n              Traceback" in text
    assert "  unhandled   OSError: lost (task died)\n" in text
    assert "  left behind 12 sleep (ended)\n              13 zombie (could not be ended)\n" in text


def test_a_hang_shows_who_waits_since_when_and_what_was_told_last():
    """A line each, and nothing in them that a terminal would obey."""
    autopsy = Autopsy(
        diagnosis="deadlock",
        waits=("left waits for event\x1b[2J, since before 2.10 s",),
        last_seen=(LastSeen(what="items: 3", at=0.1), LastSeen(actor="left", what="asks", at=0.12)),
    )
    assert (
        "  waits      left waits for event, since before 2.10 s\n"
        "  last seen  observed items: 3 at 0.100 s\n"
        "             left: asks at 0.120 s\n"
    ) in details(cell("trio", Outcome.HUNG, reason="idle", autopsy=autopsy))


def test_a_hang_shows_its_stacks():
    """As they were dumped."""
    assert "  stacks     Thread 1\n               line 3\n" in details(
        cell("trio", Outcome.HUNG, reason="idle", stacks="Thread 1\n  line 3")
    )


def test_what_really_ran_if_it_is_something_else():
    """Beside what was asked for."""
    assert "asyncio.Loop, cpython 3.11.7, trio 0.35.0, not the requested one: trio.*" in details(
        cell("trio", holds=False)
    )


def test_roles_are_told_apart():
    """Each with its backend and its end."""
    text = details(cell("trio+uvloop", Outcome.HUNG, reason="idle", stacks="frame"))
    assert "H drain on server=trio+client=uvloop\n" in text
    assert "  role       server on trio: hung: idle\n" in text
    assert "  role       client on uvloop: hung: idle\n" in text


def test_the_verdict_and_the_findings_follow():
    """As in the terminal report."""
    text = details(fine("trio", but={"items lost": 1, "items delivered": 399}))
    assert "1 unexpected finding: 1 violation" in text
    assert text.index("✗ drain on trio  breaks its contract") < text.index("VIOLATION")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_never_wider_than_the_terminal(width):
    """As every view."""
    text = show(render_details, everything(), width=width, run_path="/a/" + "long/" * 20)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "\x1b" not in text
