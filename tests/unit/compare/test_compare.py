"""The whole stage."""

import random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.api import bounded, metric
from harness.compare import compare
from harness.model import Cell, FindingKind, Outcome, RoleBackend, SkippedCell

from .run_builder import a_run, cell, spec

JUDGES = {"lost": bounded(at_most=0), "took": metric("ns")}
BACKENDS = ("asyncio", "uvloop", "trio")


def test_rows_and_columns_are_ordered_by_the_request():
    """Whatever the order of execution; parameters count as numbers do, `none` last, pairs after backends."""
    cells = [cell("trio", parameters={"n": n}) for n in (10, 9, None)]
    run = a_run(*cells, cell("trio+uvloop"), cell("uvloop+trio"), cell("uvloop"))
    comparison = compare(run)
    assert [str(row.row) for row in comparison.rows] == ["drain", "drain[n=9]", "drain[n=10]", "drain[n=none]"]
    assert comparison.labels == ("trio", "uvloop", "server=trio+client=uvloop", "server=uvloop+client=trio")


def test_findings_are_ordered_by_weight_then_by_row():
    """The heaviest first."""
    run = a_run(
        cell("trio", Outcome.UNAVAILABLE, scenario="a"),
        cell("asyncio", Outcome.CRASHED, scenario="a"),
        cell("uvloop", scenario="a"),
        cell("asyncio", observed={"lost": 1}, scenario="b"),
        cell("uvloop", observed={"lost": 0}, scenario="b"),
        cell("uvloop", Outcome.CRASHED, scenario="b", round=2),
        judges=JUDGES,
    )
    assert [(finding.kind, finding.row.scenario) for finding in compare(run).findings] == [
        (FindingKind.VIOLATION, "b"),
        (FindingKind.CRASH, "a"),
        (FindingKind.CRASH, "b"),
        (FindingKind.UNAVAILABLE, "a"),
    ]


def test_every_planned_cell_is_in_the_grid():
    """Also one that was skipped, and one whose record is lost."""
    main = (RoleBackend("main", spec("curio")),)
    lost = Cell(scenario="drain", roles=main, round=2)
    skipped = SkippedCell(cell=Cell(scenario="drain", roles=main), reason="no shield")
    comparison = compare(a_run(cell("trio"), skipped=(skipped,), planned=(lost,), complete=False))
    (row,) = comparison.rows
    assert {square.label: square.outcomes for square in row.cells} == {
        "trio": {Outcome.COMPLETED: 1},
        "curio": {Outcome.UNSUPPORTED: 1, Outcome.NOT_RUN: 1},
    }
    assert comparison.note.startswith("the journal has no footer")
    assert comparison.note.endswith("1 of 3 cells not run")


def test_a_note_of_the_journal_is_passed_on():
    """What is wrong with the run itself comes first."""
    run = a_run(cell("trio", Outcome.INTERRUPTED), complete=False, note="line 7 is unreadable")
    assert compare(run).note == "line 7 is unreadable; 1 of 1 cells interrupted"


def test_a_run_without_the_card_of_its_scenario():
    """What became of the cells can be told all the same."""
    run = a_run(cell("trio", Outcome.HUNG, observed={"lost": 1}))
    run = replace(run, started=replace(run.started, scenarios=()))
    assert [finding.kind for finding in compare(run).findings] == [FindingKind.HANG]


def test_an_empty_run():
    """Says nothing."""
    comparison = compare(a_run())
    assert (comparison.rows, comparison.findings, comparison.labels) == ((), (), ())


CELLS = st.lists(
    st.builds(
        lambda backend, outcome, lost, took, number, n: cell(
            backend, outcome, observed={"lost": lost, "took": took}, round=number, parameters={"n": n}
        ),
        st.sampled_from(BACKENDS),
        st.sampled_from(list(Outcome)),
        st.one_of(st.integers(0, 2), st.none(), st.text(max_size=3)),
        st.floats(1, 100),
        st.integers(1, 3),
        st.integers(1, 2),
    ),
    max_size=12,
    unique_by=lambda record: record.cell.id,
)


@given(CELLS, st.randoms(use_true_random=False))
def test_the_same_facts_say_the_same(records, random: random.Random):
    """In whatever order the cells ran, and however often one asks."""
    run = a_run(*(cell(name, Outcome.NOT_RUN, scenario="first") for name in BACKENDS), *records, judges=JUDGES)
    shuffled = list(run.records)
    random.shuffle(shuffled)
    assert compare(run) == compare(run) == compare(replace(run, records=tuple(shuffled)))


@given(CELLS)
def test_every_cell_is_counted_once(records):
    """And no figure comes from a cell that did not complete."""
    comparison = compare(a_run(*records, judges=JUDGES, headline="took"))
    squares = [square for row in comparison.rows for square in row.cells]
    assert sum(sum(square.outcomes.values()) for square in squares) == len(records)
    for square in squares:
        if square.headline is not None:
            assert len(square.headline.values) <= square.outcomes[Outcome.COMPLETED]
        else:
            assert square.reason
