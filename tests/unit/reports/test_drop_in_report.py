"""The page that says whether a backend replaces another one, as text, table and badge."""

import xml.etree.ElementTree as ET

import msgspec

from harness.compare import compare
from harness.model import Candidate, CheckResult, RenderOptions
from harness_reports.drop_in_report import render_badge, render_drop_in, render_markdown

from ..compare.run_builder import a_run, cell
from ..compare.test_drop_in import JUDGES, LOOP, rounds


def pages(*records, checks=(), width=100):
    run = a_run(*records, judges=JUDGES, headline="answer")
    request = msgspec.structs.replace(
        run.started.request, candidate=Candidate(backend=LOOP, baseline="base", checks=checks)
    )
    cards = tuple(msgspec.structs.replace(card, scripts=("base",)) for card in run.started.scenarios)
    run = msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, request=request, scenarios=cards))
    comparison = compare(run)
    options = RenderOptions(width=width)
    return [render(run, comparison, options) for render in (render_drop_in, render_markdown, render_badge)]


def test_a_drop_in_is_one_line_and_a_green_badge():
    """With how much was compared."""
    page, table, badge = pages(*rounds("base", "a"), *rounds(LOOP, "a"), checks=(CheckResult(name="TLS"),))
    assert page.startswith(f"DROP-IN: {LOOP} behaves like base in 1 comparisons\n")
    assert "same: 1 of 1 comparisons (a row with an idiom), 1 of 1 capabilities" in page
    assert table.startswith("**DROP-IN")
    assert ET.fromstring(badge).attrib["aria-label"] == "drop-in for base: yes"


def test_what_differs_is_counted_and_shown_worst_first():
    """One heading for a cause, with what each does, the script, and the gaps above."""
    leaks = [
        cell(backend, scenario=f"s{n}", leaks=("fd 3 socket:[1]",) if backend == LOOP else ())
        for n in range(12)
        for backend in ("base", LOOP)
    ]
    gap = CheckResult(name="TLS", gap="NotImplementedError: no")
    page, table, badge = pages(*rounds("base", "a"), *rounds(LOOP, "stuck"), *leaks, checks=(gap,), width=200)
    assert page.startswith("NOT A DROP-IN: 2 behaviours differ from base, 2 root causes; 1 capability is missing\n")
    assert "missing  TLS  NotImplementedError: no\n" in page
    hang, leak = page.index("1. HANG: a wait never ends (1 row)"), page.index("2. LEAK: a socket stays open (12 rows)")
    assert hang < leak
    assert "      base: a\n      here: stuck\n   script: harness script drain --backend base:loop=x\n" in page
    assert "script:" not in page[leak:]  # the script of a question is about its answer
    assert "also s3, s4, s5, s6, s7, s8, s9, s10 and 1 more" in page
    assert "| a socket stays open | leak | `s0`, `s1`, `s2` and 9 more |" in table
    assert "| TLS | missing | NotImplementedError: no |" in table
    assert ET.fromstring(badge).attrib["aria-label"] == "drop-in for base: 2 differ"


def test_symptoms_of_a_cause_are_below_it():
    """What follows from it is merged and not hidden."""
    leak = cell(LOOP, scenario="s", leaks=("fd 3 socket:[1]",)), cell("base", scenario="s")
    page, *_ = pages(*rounds("base", "a"), *rounds(LOOP, "taken"), *leak)
    assert "1. LEAK: a socket stays open (2 rows)" in page
    assert "   symptom: drain: its socket is there\n" in page


def test_what_is_better_is_named():
    """And is no difference."""
    page, table, _ = pages(*rounds("base", "stuck"), *rounds(LOOP, "a"))
    assert "better than base:\n   drain: a, not stuck\n" in page
    assert "| drain | stuck | a |" in table


def test_of_another_run_there_is_nothing_to_say():
    """A renderer is offered every run."""
    run = a_run(*rounds("base", "a"), judges=JUDGES)
    assert "harness drop-in does" in render_drop_in(run, compare(run), RenderOptions())
