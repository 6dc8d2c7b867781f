"""`harness issue`: which cell is meant, what goes with it, and what must not."""

import pytest

from harness.api import exact
from harness.cli.issue import find_cell, narrow, without_names
from harness.compare import compare
from harness.model import Outcome, UsageError

from ..compare.run_builder import a_run, cell


def run():
    return a_run(
        cell("asyncio", observed={"end": "a"}, parameters={"n": 1}),
        cell("uvloop", observed={"end": "a"}, parameters={"n": 1}),
        cell("trio", observed={"end": "b"}, parameters={"n": 1}),
        cell("trio", Outcome.HUNG, parameters={"n": 1}, round=2),
        cell("trio", observed={"end": "a"}, parameters={"n": 2}),
        judges={"end": exact()},
    )


@pytest.mark.parametrize("text", ["drain[n=1]@trio", "n=1]@tri", "drain[n=1]@trio#2"])
def test_a_part_of_an_id_means_a_cell(text):
    """Of several rounds, the first that went wrong."""
    assert find_cell(run(), text).cell.id == "drain[n=1]@trio#2"


def test_a_round_can_be_named():
    """By the whole id."""
    assert find_cell(run(), "drain[n=1]@trio#1").cell.id == "drain[n=1]@trio#1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("curio", "cannot find a cell 'curio' in the run"),
        ("trio", r"'trio' means 2 cells: drain\[n=1\]@trio, drain\[n=2\]@trio"),
        ("drain@trio", "means 2 cells"),
    ],
)
def test_what_means_no_cell_or_several_is_refused(text, message):
    """With what there is."""
    with pytest.raises(UsageError, match=message):
        find_cell(run(), text)


def test_the_parameters_may_be_left_out_where_there_is_one_row():
    """`scenario@backend` is how people say it."""
    assert find_cell(a_run(cell("trio", parameters={"n": 1})), "drain@trio").cell.label == "trio"


def test_the_cell_comes_first_with_its_row_and_what_is_said_of_it():
    """Nothing else of the run is in the report."""
    whole = run()
    narrowed, comparison = narrow(whole, compare(whole), find_cell(whole, "drain[n=1]@trio"))
    assert [record.cell.id for record in narrowed.records] == [
        "drain[n=1]@trio#2",
        "drain[n=1]@asyncio#1",
        "drain[n=1]@uvloop#1",
        "drain[n=1]@trio#1",
    ]
    assert {finding.backends for finding in comparison.findings} == {("trio",)}
    assert len(comparison.rows) == 1


def test_a_cell_with_which_nothing_is_wrong_is_refused():
    """There is nothing to report."""
    whole = run()
    with pytest.raises(UsageError, match="has nothing to report"):
        narrow(whole, compare(whole), find_cell(whole, "n=2"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("on box7.example.org by alice", "on HOST by USER"),
        ("on box7", "on HOST"),
        ("malice in box70", "malice in box70"),
        ("connect(box7:80)", "connect(HOST:80)"),
    ],
)
def test_names_of_host_and_user_are_taken_out(text, shown):
    """Only where they are words of their own."""
    assert without_names(text, "box7.example.org", "alice") == shown


def test_names_that_everybody_has_are_words():
    """A container's `root` would take `root` out of a sentence."""
    assert without_names("the root task on localhost", "localhost", "root") == "the root task on localhost"
