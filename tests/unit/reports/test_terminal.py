"""The terminal report."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from harness.api import bounded, exact, info, metric
from harness.compare import compare
from harness.model import Outcome, RenderOptions
from harness_reports.finding_view import _shorten_stack
from harness_reports.grid import name_rows
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell
from .sample_runs import everything, fine, show

WIDTHS = (40, 80, 120)
JUDGES = {"took": metric("ns"), "rate": metric("1/s", better="higher"), "end": exact(), "lost": bounded(at_most=0)}


def terminal(run, **options):
    """Return the report at a width of 100."""
    return show(render_terminal, run, **{"width": 100, **options})


def line_with(text, words):
    """Return the only line that holds these words."""
    (line,) = [line for line in text.splitlines() if words in line]
    return line


def timed(**took):
    """Return a run with a figure for each backend."""
    return a_run(
        *(cell(name, observed={"took": value}) for name, value in took.items()), judges=JUDGES, headline="took"
    )


# --- grid ---


def test_header_says_what_was_run_and_on_what():
    """Python is what the workers attested; nested facts of the environment are left to other formats."""
    first, second = terminal(everything()).splitlines()[:2]
    assert first == "run r1  4 backends in 3 rows, 12 cells, 1 round, preset quick"
    assert second == "cpython 3.11.7 · Linux 6.1 · AMD EPYC · 2 cores"


def test_header_says_by_whom_processes_were_started():
    """Where that was not as usual."""
    run = everything()
    started = replace(run.started, request=replace(run.started.request, executor="nice"))
    first, *_ = terminal(replace(run, started=started)).splitlines()
    assert first.endswith("preset quick, started by nice")


def test_figures_are_in_human_units_with_the_best_marked_and_ratios():
    """Not by colour alone; the first column is the reference."""
    line = line_with(terminal(timed(asyncio=1_340_000, uvloop=870_000, trio=2_000_000)), "defaults")
    assert line.split() == "defaults ✓ 1.34 ms ✓ 870 µs * ×0.65 ✓ 2.00 ms ×1.49".replace("×", "\xd7").split()


def test_equal_figures_have_no_best():
    """There is nothing to be better than."""
    text = terminal(timed(asyncio=5, trio=5))
    assert "best" not in text
    assert "*" not in text


def test_higher_may_be_better():
    """The judge says so, and the heading as well."""
    cells = [cell(name, observed={"rate": rate}) for name, rate in (("asyncio", 100), ("trio", 1234.5))]
    text = terminal(a_run(*cells, judges=JUDGES, headline="rate"))
    assert "drain: rate, higher is better" in text
    assert "✓ 1.23k/s *" in text


@pytest.mark.parametrize(
    ("outcome", "square", "meaning"),
    [
        (Outcome.RAISED, "R", "R raised"),
        (Outcome.HUNG, "H", "H hung"),
        (Outcome.TIMED_OUT, "T", "T timed out"),
        (Outcome.CRASHED, "C", "C crashed"),
        (Outcome.LIMIT, "L", "L limit"),
        (Outcome.UNSUPPORTED, "–", "– unsupported"),
        (Outcome.UNAVAILABLE, "u", "u unavailable"),
        (Outcome.WRONG_BACKEND, "W", "W wrong backend"),
        (Outcome.INVALID_ENV, "E", "E invalid environment"),
        (Outcome.INTERRUPTED, "i", "i interrupted"),
        (Outcome.NOT_RUN, "·", "· not run"),
        (Outcome.HARNESS_FAULT, "!", "! harness fault"),
    ],
)
def test_every_outcome_has_its_symbol_and_the_legend_explains_it(outcome, square, meaning):
    """And nothing that is not used."""
    text = terminal(a_run(cell("asyncio"), cell("trio", outcome, reason="why")))
    assert line_with(text, "drain  ").split() == ["drain", "✓", square]
    assert line_with(text, "✓ as expected") == f"✓ as expected   {meaning}"


@pytest.mark.parametrize(
    ("observed", "more", "symbol"),
    [
        ({"lost": 1}, {}, "✗ breaks its contract"),
        ({"end": "b"}, {}, "≠ differs"),
        ({"odd": 1}, {}, "? scenario suspect"),
        ({}, {"escaped": ("1 x",)}, "+ left something behind"),
    ],
)
def test_findings_of_a_completed_cell_show_in_its_square(observed, more, symbol):
    """The heaviest one."""
    good = {"lost": 0, "end": "a"}
    cells = [
        cell("asyncio", observed=good),
        cell("uvloop", observed=good),
        cell("trio", observed=good | observed, **more),
    ]
    assert symbol in terminal(a_run(*cells, judges=JUDGES))


def test_a_share_of_the_rounds():
    """One of three rounds hung: the square says so, and the legend how to read it."""
    cells = [cell("trio", Outcome.HUNG if number == 1 else Outcome.COMPLETED, round=number) for number in (1, 2, 3)]
    text = terminal(a_run(*cells))
    assert line_with(text, "drain  ").split() == ["drain", "H", "1/3"]
    assert "1/3 in one of three rounds" in text


def test_a_headline_that_is_no_metric_is_shown_as_it_is():
    """What was seen is more than a tick."""
    cells = [cell(name, observed={"end": end}) for name, end in (("asyncio", "all"), ("trio", "x" * 40))]
    line = line_with(terminal(a_run(*cells, judges=JUDGES, headline="end")), "drain  ")
    assert line.split() == ["drain", "≠", "all", "≠", f"{'x' * 15}…"]


def test_unsupported_is_explained_below_the_grid():
    """With the capability; it is no finding."""
    text = terminal(everything())
    assert line_with(text, "– curio") == "– curio: shield: curio has none (1 row)"
    assert "UNSUPPORTED" not in text


def test_a_withheld_figure():
    """There is no number beside a broken contract."""
    (line,) = [line for line in terminal(everything()).splitlines() if "mode=rate rate=1000" in line and "✗" in line]
    assert "✗ no figure" in line


# --- verdict and findings ---


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        (a_run(cell("asyncio"), cell("trio")), "nothing unexpected: 1 of 1 row agrees"),
        (a_run(cell("trio")), "nothing unexpected: 1 of 1 row keeps the contract (one backend: nothing to compare)"),
        (a_run(), "nothing unexpected, because nothing was compared"),
        (a_run(cell("trio", Outcome.HUNG)), "1 unexpected finding: 1 hang"),
        (
            a_run(*(cell("trio", Outcome.CRASHED, scenario=name) for name in "ab"), cell("asyncio", scenario="a")),
            "2 unexpected findings: 2 crashes; 0 of 1 row keeps the contract (one backend: nothing to compare)",
        ),
    ],
)
def test_verdict(run, verdict):
    """One sentence says it all."""
    assert verdict in terminal(run)


def test_a_finding_can_be_read_on_its_own():
    """What, where, who, expected and why, seen, again, evidence."""
    text = terminal(everything(), run_path=".harness/runs/r1")
    start = text.index("VIOLATION")
    assert text[start : text.index("\n\n", start)].splitlines() == [
        "VIOLATION  drain[mode=rate,rate=1000] on trio: items lost is more than 0",
        "  asks     what happens?",
        "  expected items lost ≤ 0",
        "  why      each item reaches one receiver (trio docs)",
        "  seen     0: asyncio",
        "           3: trio",
        "  again    harness run --backend trio --scenario drain --param mode=rate --param rate=1000",
        "  evidence .harness/runs/r1/evidence/drain-trio",
    ]


def test_the_worst_comes_first_and_right_above_it_is_only_what_is_expected():
    """By what it costs a program; the last screen has the summary."""
    kinds = re.findall(r"^([A-Z]{4,})  ", terminal(everything(), verbosity=1), re.MULTILINE)
    assert kinds == ["INTERESTING", "UNAVAILABLE", "HANG", "VIOLATION", "UNHANDLED", "DIVERGENCE", "FINISHED"]


def test_what_may_differ_is_a_line_each_unless_verbose():
    """What is unexpected comes in full, the rest in brief."""
    text = terminal(everything())
    assert "INTERESTING" not in text
    assert "1 difference by design (-v explains them)" in text


def test_equal_findings_of_several_rows_are_one_block():
    """With the rows, and who it is about in each where that differs."""
    cells = [cell("trio", Outcome.HUNG, parameters={"n": n}) for n in (1, 2)]
    text = terminal(a_run(*cells, cell("curio", Outcome.HUNG, parameters={"n": 2})))
    assert "HANG  drain, in 2 rows, on trio, curio: hangs" in text
    assert "  rows     n=1: trio\n           n=2: trio, curio\n" in text
    assert text.count("HANG") == 1


def test_long_details_are_cut_unless_verbose():
    """And say that they are."""
    run = a_run(cell("trio", Outcome.HUNG, reason="idle", stacks="\n".join(f"frame {n}" for n in range(20))))
    assert "frame 4\n" in terminal(run)
    assert "frame 5\n" not in terminal(run)
    assert "… and 15 more lines" in terminal(run)
    assert "frame 19\n" in terminal(run, verbosity=1)


def test_a_stack_has_its_ends_unless_verbose():
    """The innermost and the outermost frame, without the folders of their files."""
    waits = "task Task-1 waits for event: ~/lib/locks.py:213 in wait < /x/part.py:6 in sleep < /x/q.py:9 in ask < a"
    assert _shorten_stack(waits) == "task Task-1 waits for event: locks.py:213 in wait < … < a"
    run = a_run(cell("trio", Outcome.HUNG, reason="idle", stacks=waits))
    assert "/x/part.py:6" not in terminal(run)
    assert "/x/part.py:6" in terminal(run, width=200, verbosity=1)


def test_a_wrapped_command_can_still_be_copied():
    """Lines are continued as a shell continues them, options stay with their values."""
    run = a_run(cell("trio", Outcome.HUNG, parameters={"name": "a b", "rate": 500}))
    text = terminal(run, width=40)
    again = text[text.index("again") + 6 :]
    lines = again[: again.index("\n\n")].splitlines()
    command = " ".join(line.strip().removesuffix("\\").strip() for line in lines)
    assert command.strip() == "harness run --backend trio --scenario drain --param 'name=a b' --param rate=500"
    assert [line.endswith("\\") for line in lines] == [True] * (len(lines) - 1) + [False]


def test_quiet():
    """Verdict and titles only."""
    lines = terminal(everything(), verbosity=-1, width=200).splitlines()
    assert lines[0].startswith("4 unexpected findings")
    assert len(lines) == 6


@pytest.mark.parametrize("verbosity", [-1, 0])
def test_every_backend_that_could_not_run_is_named(verbosity):
    """Each has its own reason and hint."""
    cells = [cell(name, Outcome.UNAVAILABLE, reason=f"no {name}") for name in ("curio", "uvloop")]
    lines = terminal(a_run(*cells), verbosity=verbosity).splitlines()
    assert [line for line in lines if line.startswith("UNAVAILABLE")] == [
        "UNAVAILABLE  curio: no curio (1 cell not run)",
        "UNAVAILABLE  uvloop: no uvloop (1 cell not run)",
    ]


def test_verbose_shows_the_observations():
    """Every square with its figures, values and frequencies."""
    text = terminal(everything(), verbosity=1)
    assert "  delivery         delivered (1 of 2), level (1 of 2)\n" in text
    assert "  no figure        items lost is more than 0\n" in text


# --- width, colour, hostile text ---


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_never_wider_than_the_terminal(width, verbosity):
    """At any verbosity."""
    text = terminal(everything(), width=width, verbosity=verbosity, run_path=f"/a/{'long/' * 20}")
    assert max(map(cell_len, text.splitlines())) <= width


def test_a_narrow_terminal_has_a_line_for_each_cell():
    """Figures are never cut."""
    text = terminal(everything(), width=40)
    assert "    uvloop   ✓ 870 µs * \xd70.65\n" in text
    assert "1.34 ms" in text


def test_many_backends_drop_the_ratios_first():
    """Then the table."""
    run = timed(**{f"b{number}": 1_340_000 + number * 10_000 for number in range(6)})
    assert "\xd71.0" in terminal(run, width=120)
    assert "\xd7" not in terminal(run, width=84).partition("FINISHED")[0]
    assert "    b5  ✓ 1.39 ms" in terminal(run, width=60)


def test_without_colour_there_is_no_escape():
    """And with it, the text is the same."""
    plain, coloured = terminal(everything()), terminal(everything(), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


def test_the_environment_of_the_reader_changes_nothing(monkeypatch):
    """A report is a pure function."""
    before = terminal(everything(), colour=True)
    for name, value in {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "20", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert terminal(everything(), colour=True) == before


def test_hostile_text_is_shown_and_does_nothing():
    """Escapes, markup and newlines from a scenario."""
    evil = "\x1b[31m[red]evil[/red]\n\x1b]0;title\x07"
    cells = [cell("asyncio", observed={"end": "fine"}), cell("trio", observed={"end": evil}, parameters={"p": evil})]
    run = a_run(*cells, cell("curio", Outcome.RAISED, reason=evil), judges=JUDGES, headline="end")
    text = terminal(run, verbosity=1)
    assert "\x1b" not in text
    assert "title" not in text
    assert "[red]evil[/red]" in text


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=60)
@given(HOSTILE, HOSTILE, HOSTILE, st.integers(40, 120))
def test_whatever_is_in_the_text_lines_stay_lines(name, value, reason, width):
    """No control character, none too wide."""
    judges = {name: info(), "end": exact(reason=reason)}
    run = a_run(
        cell("asyncio", observed={"end": "x", name: value}, scenario=name, parameters={"p": value}),
        cell("trio", observed={"end": value}, scenario=name, parameters={"p": value}),
        cell("curio", Outcome.HUNG, reason=reason, stacks=value, scenario=name, parameters={"p": value}),
        judges=judges,
        headline=name,
    )
    text = render_terminal(run, compare(run), RenderOptions(width=width, verbosity=1))
    assert all(line.isprintable() for line in text.split("\n"))
    assert max(map(cell_len, text.split("\n"))) <= width


def test_the_same_run_gives_the_same_text():
    """Byte for byte."""
    assert terminal(everything()) == terminal(everything())
    assert terminal(a_run(fine("trio"))) == terminal(a_run(fine("trio")))


def test_rows_are_named_by_what_tells_them_apart():
    """Words stay where they differ; numbers that only go along are left out; no row is left without a name."""
    storms = [
        {"mode": "rate", "rate": 200, "length": 2.0},
        {"mode": "rate", "rate": 1000, "length": 2.0},
        {"arrival": "poisson", "mode": "rate", "rate": 500, "length": 2.0},
        {"mode": "burst"},
    ]
    assert name_rows(storms) == [
        "mode=rate rate=200",
        "mode=rate rate=1000",
        "arrival=poisson mode=rate rate=500",
        "mode=burst",
    ]
    assert name_rows([{"capacity": 1, "items": 500}, {"capacity": None, "items": 9000}]) == [
        "capacity=1",
        "capacity=none",
    ]
    assert name_rows([{"mode": "rate", "rate": 7}, {"rate": 8}]) == ["mode=rate rate=7", "rate=8"]
    assert name_rows([{}]) == ["defaults"]


def leaving(scenario, backend, **place):
    """Return a cell that leaves a socket open."""
    return cell(backend, observed={"end": 1}, scenario=scenario, leaks=("fd 7 socket:[1]",), **place)


def test_who_leaves_something_behind_everywhere_is_one_finding():
    """Whatever the question: it names how many scenarios and rows, and each of them."""
    records = [
        *(leaving("echo", "trio", parameters={"size": size}) for size in (1, 2)),
        leaving("sink", "trio"),
        leaving("sink", "curio", parameters={"chunk": 1}),
        *(cell("asyncio", observed={"end": 1}, scenario=name) for name in ("echo", "sink")),
    ]
    text = terminal(a_run(*records, judges=JUDGES, headline="end"))
    assert "1 unexpected finding: 1 leftover" in text
    assert "LEFTOVER  2 scenarios, in 4 rows, on trio, curio: a socket stays open" in text
    assert "rows     echo (2), sink (2)" in text
