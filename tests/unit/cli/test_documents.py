"""What commands write as JSON keeps to the schemas that are published."""

import json
from pathlib import Path

import jsonschema
import pytest
from schema_outline import outline

from harness.cli import documents
from harness.cli import main as program
from harness.compare import compare, compare_runs
from harness.model import Outcome
from harness.testing.check import CheckReport, Finding, Verdict

from ..compare.run_builder import a_run, cell

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "schemas"


def validate(name, text):
    schema = json.loads((PUBLISHED / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


@pytest.mark.parametrize("name", documents.SCHEMAS)
def test_the_published_schemas_are_those_of_the_types(name):
    """Made with `python -m harness.cli.documents docs/reference/schemas`."""
    published = json.loads((PUBLISHED / f"{name}.json").read_text())
    assert outline(published) == outline(json.loads(documents.schema_text(name)))


def test_no_text_reaches_a_terminal_as_a_command():
    """Control characters of either block, marks that reverse or hide and lone planes are escaped, and are read back."""
    hostile = "\x1b[31m \x7f \x9b2J \x85 \u202e \u200b \u2028 \U000e0001 ä 中 😀"
    text = documents.encode({"summary": hostile, "lines": ["a", "b"]})
    assert [each for each in text if not each.isprintable() and each != "\n"] == []
    assert json.loads(text) == {"summary": hostile, "lines": ["a", "b"]}
    assert "ä 中 😀" in text


@pytest.mark.parametrize("kind", ["backends", "scenarios", "perturbations"])
def test_lists(kind, capsys):
    """What is installed."""
    with pytest.raises(SystemExit):
        program.main(["list", kind, "--json"])
    out = capsys.readouterr().out
    assert len(json.loads(out)) > 4
    validate(kind, out)


def test_the_list_of_executors(capsys):
    """What is installed, each with what it lacks here."""
    with pytest.raises(SystemExit):
        program.main(["list", "executors", "--json"])
    out = capsys.readouterr().out
    assert {(each["name"], each["problem"]) for each in json.loads(out)} >= {("local", ""), ("nice", "")}
    validate("executors", out)


def test_a_check():
    """With a question of each verdict."""
    findings = tuple(Finding(question="Does it?", about="Runtime.sleep", verdict=verdict) for verdict in Verdict)
    written = documents.encode(documents.CheckDocument.of(CheckReport(backend="mine", findings=findings)))
    assert len(json.loads(written)["findings"]) == len(Verdict)
    validate("plugin-check", written)


def test_a_comparison_of_two_runs():
    """With a change in it; the counts of a document that lacks a part do not hold."""
    before, after = a_run(cell("asyncio"), cell("trio")), a_run(cell("asyncio"), cell("trio", Outcome.HUNG))
    changes = compare_runs(*((run, compare(run)) for run in (before, after)))
    written = documents.encode(documents.ChangesDocument.of(changes))
    assert json.loads(written)["regression"] is True
    validate("compare", written)
    with pytest.raises(jsonschema.ValidationError):
        validate("compare", "{}")
