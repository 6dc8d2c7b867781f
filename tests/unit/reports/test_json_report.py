"""The report for programs."""

import json

import msgspec
import pytest

from harness.compare import compare
from harness.model import Outcome
from harness_reports.json_reader import read_json
from harness_reports.json_report import render_json

from ..compare.run_builder import a_run, cell
from .sample_runs import everything, show


def test_the_document_holds_everything():
    """Run, grid, findings, records with their observations."""
    document = json.loads(show(render_json, everything()))
    assert list(document) == [
        "format",
        "run",
        "complete",
        "note",
        "incomplete",
        "verdict",
        "labels",
        "reference",
        "self_check",
        "repeats",
        "rows",
        "findings",
        "root_causes",
        "drop_in",
        "records",
    ]
    assert (document["format"], document["run"]["run_id"]) == (1, "r1")
    assert document["labels"] == ["asyncio", "uvloop", "trio", "curio"]
    assert [row["id"] for row in document["rows"]] == ["drain[mode=rate,rate=1000]", "drain[rate=200]", "close"]
    violation = document["findings"][0]
    assert (violation["kind"], violation["row_id"], violation["unexpected"]) == (
        "violation",
        "drain[mode=rate,rate=1000]",
        True,
    )
    assert violation["command"].startswith("harness run")
    record = document["records"][0]
    assert (record["id"], record["label"]) == ("drain[rate=200]@asyncio#1", "asyncio")
    assert {fact["type"] for fact in record["observations"]} == {"observed", "step"}


def test_the_verdict_is_in_it():
    """For a program that wants to know one thing."""
    document = json.loads(show(render_json, everything()))
    assert document["verdict"]["unexpected"] == 4
    assert document["verdict"]["text"].startswith("4 unexpected findings")


def test_squares_have_their_outcomes_and_figures():
    """As facts, not as the symbols that a terminal shows."""
    document = json.loads(show(render_json, everything()))
    square = document["rows"][1]["cells"][1]
    assert (square["label"], square["outcome"], square["outcomes"]) == ("uvloop", "completed", {"completed": 1})
    assert square["headline"]["median"] == 870000


def test_equal_runs_give_equal_text_and_it_is_indented():
    """Order of keys included."""
    assert show(render_json, everything()) == show(render_json, everything())
    assert show(render_json, everything()).startswith('{\n  "format": 1,\n  "run": {\n')


def test_hostile_text_survives_as_data():
    """A program gets what was observed."""
    run = a_run(cell("trio", Outcome.RAISED, reason="\x1b[31m\n"))
    assert json.loads(show(render_json, run))["records"][0]["result"]["reason"] == "\x1b[31m\n"


def test_the_document_is_read_back_as_the_run():
    """Judged again, it gives the same comparison."""
    run = everything()
    assert compare(read_json(show(render_json, run).encode())) == compare(run)


def test_a_document_with_fewer_facts_of_its_plan_is_read():
    """As version 0.1 wrote it: its baseline is the column that its ratios refer to."""
    document = json.loads(show(render_json, everything()))
    plan = document["run"]["plan"]
    document["run"]["plan"] = {name: plan[name] for name in ("seed", "cells", "skipped")}
    assert compare(read_json(json.dumps(document).encode())).reference == document["reference"]


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"[" * 100_000, b'{"format": 1}', b"<html>"])
def test_what_is_no_such_document_is_refused(text):
    """With one kind of error."""
    with pytest.raises(msgspec.DecodeError):
        read_json(text)


def test_a_document_of_another_format_is_refused():
    """It may mean something else."""
    document = json.loads(show(render_json, everything())) | {"format": 2}
    with pytest.raises(msgspec.DecodeError, match="format 2; this harness reads 1"):
        read_json(json.dumps(document).encode())
