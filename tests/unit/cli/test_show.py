"""`harness show RUN CELL`: which cells are meant, and what is said of them."""

import pytest

from harness.api import exact
from harness.cli.show import narrow
from harness.compare import compare
from harness.model import FindingKind, Outcome, RenderOptions, UsageError
from harness_reports.cell_view import render_details

from ..compare.run_builder import a_run, cell


def shown(text):
    run = a_run(
        cell("asyncio", observed={"end": "a"}),
        cell("uvloop", observed={"end": "a"}),
        cell("trio", observed={"end": "b"}),
        cell("curio", Outcome.HUNG),
        judges={"end": exact()},
    )
    return narrow(run, compare(run), text)


def test_a_cell_is_judged_beside_the_others_of_its_run():
    """That it differs is said of it although those that it differs from are not shown."""
    run, comparison = shown("@trio")
    assert [record.cell.id for record in run.records] == ["drain@trio#1"]
    assert comparison.labels == ("trio",)
    assert [[square.label for square in row.cells] for row in comparison.rows] == [["trio"]]
    assert [(finding.kind, finding.backends) for finding in comparison.findings] == [
        (FindingKind.DIVERGENCE, ("trio",))
    ]


def test_cells_that_are_not_shown_do_not_count_as_missing():
    """The run is as complete as it was."""
    run, comparison = shown("drain@asyncio#1")
    assert comparison.note == ""
    assert comparison.findings == ()
    assert [planned.id for planned in run.started.plan.cells] == ["drain@asyncio#1"]
    assert {square.outcome for row in comparison.rows for square in row.cells} == {Outcome.COMPLETED}
    assert len(run.records) == 1


def test_causes_are_those_of_the_findings_that_are_left():
    """Each names its findings by their new places."""
    run, comparison = shown("@curio")
    assert [(cause.title, cause.findings) for cause in comparison.root_causes] == [("a wait never ends", (0,))]
    assert "HANG  drain on curio" in render_details(run, comparison, RenderOptions())


def test_what_means_no_cell_is_refused():
    """With where to look."""
    with pytest.raises(UsageError, match="cannot find a cell 'threads' in the run; harness show RUN lists its rows"):
        shown("threads")
