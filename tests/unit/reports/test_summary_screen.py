"""The last screen of the terminal: the answer, and the bugs right above it."""

import msgspec
import pytest
from rich.cells import cell_len

from harness.api import Harm, allowed, forbidden, metric, outcomes
from harness.compare import compare
from harness.model import Expectation, FindingKind, Outcome
from harness_reports.backend_summary import Standing, summarise_backends
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell, spec
from .sample_runs import everything, show

JUDGES = {
    "answer": outcomes({"kept": allowed(), "late": allowed(), "lost": forbidden("no", harm=Harm.DATA)}),
    "took": metric("ns"),
}
BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")


def answering(backend, value="kept", scenario="drain", **fields):
    return cell(backend, observed={"answer": value}, scenario=scenario, **fields)


def large(*more, rows=60):
    """Return a run of many questions, all of them answered alike."""
    cells = [answering(name, scenario=f"area{row // 9}.question-{row}") for row in range(rows) for name in BACKENDS]
    return a_run(*cells, *more, judges=JUDGES, headline="answer", environment={"system": "Linux", "cpu": "EPYC " * 30})


def expecting(run, *expectations):
    return msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, expectations=expectations))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_with_nothing_new_a_large_run_fits_on_one_screen(width):
    """24 lines, two of which are for the paths of the run; the verdict and what to type next stand last."""
    lines = show(render_terminal, large(answering("trio", "late")), width=width).splitlines()
    assert len(lines) <= 22
    assert max(map(cell_len, lines)) <= width
    assert lines[-2].startswith("✓ nothing unexpected: 60 of 60 rows agree")
    assert lines[-1].startswith("see  harness show r1 -b asyncio -b uvloop")


def test_bugs_stand_right_above_the_summary():
    """Each root cause once, in a block that can be read on its own."""
    run = large(*(answering("trio", "lost", scenario=f"area1.more-{number}") for number in range(3)))
    text = show(render_terminal, run, width=100)
    *_, block, summary = text.partition("FINISHED")[0].strip().split("\n\n"), text.partition("FINISHED")[2]
    assert "VIOLATION  area1.more-2 on trio: answer: 'lost' is forbidden" in block[-1]
    assert "again    harness run --backend trio --scenario area1.more-2" in block[-1]
    assert "✗ 3 unexpected findings: 3 violations; 60 of 60 rows agree" in summary


def test_of_many_bugs_the_worst_have_a_block_and_the_others_a_line():
    """All of them with -v."""
    run = large(*(answering("trio", "lost", scenario=f"area1.more-{number}") for number in range(12)))
    assert show(render_terminal, run).count("  again    ") == 8
    assert show(render_terminal, run).count("VIOLATION  ") == 12
    assert show(render_terminal, run, verbosity=1).count("  again    ") == 12


def test_the_grid_of_a_large_run_is_shown_when_it_is_asked_for():
    """With -v, or for a part of the run."""
    run = large(answering("trio", "late", scenario="area9.differs"), answering("asyncio", scenario="area9.differs"))
    assert "area9.differs" not in show(render_terminal, run)
    for options in ({"verbosity": 1}, {"is_detailed": True}):
        assert "area9.*: 1 answered differently of 1 question" in show(render_terminal, run, **options)


def test_an_answer_is_written_in_words_where_there_is_room():
    """Otherwise with a letter whose meaning stands below its row."""
    cells = answering("asyncio", "kept"), answering("trio", "late")
    run = a_run(*cells, judges=JUDGES, headline="answer")
    wide, narrow = (show(render_terminal, run, width=width).splitlines() for width in (100, 40))
    assert [line.split() for line in wide if line.startswith("  drain")] == [["drain", "✓", "kept", "✓", "late"]]
    (place,) = (number for number, line in enumerate(narrow) if line.split()[:1] == ["drain"])
    assert narrow[place].split() == ["drain", "✓", "A", "✓", "B"]
    assert narrow[place + 1].strip() == "A kept   B late"


def test_each_row_counts_once_for_a_backend():
    """By the heaviest of its squares; an idiom that was run beside a backend counts as that backend."""
    known = Expectation(scenario="q.known", backends=("trio",), key="answer", value="lost", reason="listed")
    cells = [
        answering("trio", "lost", scenario="q.bug"),
        answering("trio", "lost", scenario="q.known"),
        answering("trio", scenario="q.fine"),
        answering("trio", scenario="q.idiom"),
        answering("trio:io=sock", "lost", scenario="q.idiom"),
        cell("trio", Outcome.HUNG, scenario="q.hang"),
        cell("trio", Outcome.UNSUPPORTED, scenario="q.none"),
        cell("trio", Outcome.NOT_RUN, scenario="q.later", reason="the run was interrupted before this cell"),
    ]
    run = expecting(a_run(*cells, judges=JUDGES, headline="answer"), known)
    plan = msgspec.structs.replace(
        run.started.plan, backends=(spec("trio"), spec("trio:io=sock")), variants=(spec("trio:io=sock"),)
    )
    run = msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, plan=plan))
    (trio,) = summarise_backends(run, compare(run))
    assert dict(trio.standings) == {
        Standing.BUG: 3,
        Standing.KNOWN: 1,
        Standing.FINE: 1,
        Standing.NOT_RUN: 1,
        Standing.NOT_FINISHED: 1,
    }
    assert (trio.hangs, trio.known_hangs, trio.hang_text) == (1, 0, "1")


def test_a_listed_hang_is_counted_as_known():
    """It hangs all the same."""
    known = Expectation(scenario="drain", backends=("trio",), finding=FindingKind.HANG, reason="listed")
    run = expecting(a_run(cell("trio", Outcome.HUNG), cell("asyncio")), known)
    trio, asyncio = summarise_backends(run, compare(run))
    assert (trio.hang_text, asyncio.hang_text) == ("1 known", "0")


def test_cost_is_shown_where_it_was_measured():
    """As a factor of the reference's."""
    took = {"asyncio": 100, "trio": 200}
    run = a_run(*(cell(name, observed={"took": value}) for name, value in took.items()), judges=JUDGES, headline="took")
    lines = show(render_terminal, run).splitlines()
    (trio,) = (line.split() for line in lines if line.startswith("trio "))
    assert trio == ["trio", "0", "0", "0", "0", "\xd72.00", "▆"]
    assert "cost" not in show(render_terminal, large())


def test_an_incomplete_run_says_so_first_and_how_it_goes_on():
    """In the summary, not green."""
    text = show(render_terminal, everything())
    assert "FINISHED  3 rows on 4 backends, 12 cells" in text
    cut = cell("trio", Outcome.NOT_RUN, reason="the run was interrupted before this cell")
    text = show(render_terminal, a_run(cell("asyncio"), cut))
    assert "INCOMPLETE  1 row on 2 backends" in text
    assert "not finished: 1" in text
    assert "to continue: harness resume r1" in text
