"""A call that held a scheduler, and how much a process has grown, in the reports."""

import json

import pytest

from harness.model import Resources, Stall
from harness_reports.cell_view import render_details
from harness_reports.html_report.page import render_html
from harness_reports.issue_report import render_issue
from harness_reports.json_report import render_json
from harness_reports.markdown_report import render_markdown
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell
from .sample_runs import show

STALL = Stall(frames=("s.py:9 in pause", "s.py:3 in main"), seconds=0.4, computes=False, count=2)


def stalled():
    """Return a run of which one cell was stalled."""
    return a_run(cell("trio", stalls=(STALL,)), cell("curio"))


@pytest.mark.parametrize("render", [render_details, render_html, render_issue])
def test_a_cell_says_who_held_its_scheduler(render):
    """The line, what it did there, for how long and how often."""
    assert "s.py:9 in pause waits for 0.40 s, 2 times" in show(render, stalled())


@pytest.mark.parametrize("render", [render_details, render_html])
def test_and_who_called_it(render):
    """The frames of the scenario behind it."""
    assert "called by s.py:3 in main" in show(render, stalled())


def test_the_document_has_it():
    """In the role of its record, and as a finding."""
    document = json.loads(show(render_json, stalled()))
    found = [role["stalls"] for record in document["records"] for role in record["result"]["roles"]]
    assert [{"computes": False, "count": 2, "frames": list(STALL.frames), "seconds": 0.4}] in found
    assert [finding["kind"] for finding in document["findings"]] == ["stalled"]
    assert document["verdict"]["unexpected"] == 0


def test_a_summary_has_a_note():
    """Beside the findings: nothing is unexpected, and the square stays as it is."""
    text = show(render_terminal, stalled())
    assert "1 note: calls that held a scheduler" in text
    assert "s.py:9 in pause" in text
    assert "nothing unexpected" in text
    assert "✓ as expected" in text
    assert "1 notes" in show(render_markdown, stalled())


@pytest.mark.parametrize("render", [render_details, render_html, render_issue, render_terminal, render_markdown])
def test_names_of_functions_are_escaped(render):
    """A frame is a text from outside."""
    hostile = Stall(frames=("\x1b[31m<script>.py:1 in f",), seconds=0.4, computes=True)
    text = show(render, a_run(cell("trio", stalls=(hostile,))))
    assert "\x1b[31m" not in text
    assert "<script>.py" not in text or render not in (render_html, render_markdown)


@pytest.mark.parametrize(("grown", "text"), [(2 << 20, "grew by 2.00 MiB"), (-4096, "shrank by 4.00 KiB")])
def test_how_much_it_has_grown(grown, text):
    """Among what it took of the machine."""
    run = a_run(cell("trio", resources=Resources(wall=2.0, user=1.25, system=0.25), grown_bytes=grown))
    assert text in " ".join(show(render_details, run, verbosity=1).split())
