"""The schema that is published is that of the report."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from schema_outline import outline

from harness.api import metric
from harness_reports.json_report import render_json
from harness_reports.json_schema import make_schema, schema_text

from ..compare.run_builder import a_run, cell
from .hostile_runs import EVIL, hostile
from .sample_runs import everything, show

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "schemas" / "report.json"
VALIDATOR = jsonschema.Draft202012Validator(make_schema())


def rounds():
    """Return a run with ratios, intervals and verdicts."""
    cells = [
        cell(name, round=number, observed={"took": value + number})
        for number in range(1, 9)
        for name, value in (("asyncio", 10), ("trio", 20))
    ]
    return a_run(*cells, judges={"took": metric("ns")}, headline="took")


def test_the_published_schema_is_the_one_that_the_types_give():
    """Made with `python -m harness_reports.json_schema`."""
    assert outline(json.loads(PUBLISHED.read_text())) == outline(json.loads(schema_text()))
    jsonschema.Draft202012Validator.check_schema(json.loads(PUBLISHED.read_text()))


@pytest.mark.parametrize("run", [everything(), rounds(), hostile(EVIL), a_run()])
def test_a_report_is_valid(run):
    """Whatever is in it."""
    VALIDATOR.validate(json.loads(show(render_json, run)))


def test_a_report_has_nothing_that_the_schema_does_not_name():
    """A reader of the schema knows every key of the document and of its parts."""
    schema = copy.deepcopy(make_schema())
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            part["additionalProperties"] = False
    for run in (everything(), rounds()):
        jsonschema.Draft202012Validator(schema).validate(json.loads(show(render_json, run)))


@pytest.mark.parametrize("spoil", ["format", "verdict", "rows", "records"])
def test_a_document_that_lacks_a_part_is_not_valid(spoil):
    """The schema says something."""
    document = json.loads(show(render_json, everything()))
    del document[spoil]
    assert not VALIDATOR.is_valid(document)


def test_an_outcome_that_does_not_exist_is_not_valid():
    """Closed sets are in the schema."""
    document = json.loads(show(render_json, everything()))
    document["records"][0]["result"]["outcome"] = "fine"
    assert not VALIDATOR.is_valid(document)
