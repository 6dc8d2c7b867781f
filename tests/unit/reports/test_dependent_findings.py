"""Findings that depend on another one are shown below it, in every report."""

from harness.api import forbidden, outcomes
from harness_reports.html_report.page import render_html
from harness_reports.markdown_report import render_markdown
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell
from .sample_runs import show

JUDGES = {"answer": outcomes({"wrong": forbidden("no reason to do so")})}
RUN = a_run(
    *(cell("loop", scenario=name, observed={"answer": "wrong"}) for name in ("event", "lock", "queue")),
    judges=JUDGES,
    headline="answer",
    prerequisites={"lock": ("event",), "queue": ("event",)},
)


def test_the_terminal_lists_them_with_their_cause():
    """One block, with the names of the others."""
    text = show(render_terminal, RUN, width=100)
    assert "1 unexpected finding" in text
    assert "dependent 2: lock, queue" in text
    assert "event on loop: answer: 'wrong' is forbidden" in text


def test_the_page_has_them_in_the_finding_of_their_cause():
    """As data of the page, and without a script."""
    page = show(render_html, RUN)
    assert "<dt>dependent</dt><dd>2: lock, queue</dd>" in page
    assert '"dependent":"2: lock, queue"' in page


def test_markdown_names_what_a_finding_depends_on():
    """Each finding stands for itself there."""
    assert show(render_markdown, RUN).count("depends on: `event`") == 2
