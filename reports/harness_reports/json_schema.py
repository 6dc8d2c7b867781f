"""The JSON Schema of the `json` report, made from the types that it is written from.

`python -m harness_reports.json_schema` prints it; `docs/reference/schemas/report.json` is its output.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from harness.model import CellRecord, DropIn, Finding, Repeats, RootCause, RowSummary, RunStarted, SkippedCell
from harness.model.schema import clean_descriptions

from .json_report import FORMAT

_TEXT = {"type": "string"}
_REF = "#/$defs/{name}"


def make_schema() -> dict[str, Any]:
    """Return the schema of the document that `render_json` writes."""
    parts, defs = msgspec.json.schema_components(
        (RunStarted, SkippedCell, RowSummary, Finding, CellRecord, Repeats, RootCause, DropIn), ref_template=_REF
    )
    run, skipped, row, finding, record, repeats, cause, drop_in = parts
    started = defs["RunStarted"]
    del started["properties"]["type"]
    started["required"].remove("type")
    plan = defs["Plan"]["properties"] | {"cells": {"type": "integer"}, "skipped": _list_of(skipped)}
    started["properties"]["plan"] = _object(plan)
    _add(defs["RowSummary"], id=_TEXT)
    _add(defs["CellSummary"], outcome={"$ref": _REF.format(name="Outcome")})
    _add(defs["Finding"], row_id=_TEXT, unexpected={"type": "boolean"})
    _add(defs["CellRecord"], id=_TEXT, row_id=_TEXT, label=_TEXT, flaky={"type": "boolean"})
    document = {
        "format": {"const": FORMAT},
        "run": run,
        "complete": {"type": "boolean"},
        "note": _TEXT,
        "incomplete": _TEXT,
        "verdict": _object({"text": _TEXT, "tone": {"enum": ["ok", "odd", "bad"]}, "unexpected": {"type": "integer"}}),
        "labels": _list_of(_TEXT),
        "reference": _TEXT,
        "self_check": {"anyOf": [{"type": "null"}, _self_check()]},
        "repeats": {"anyOf": [{"type": "null"}, repeats]},
        "rows": _list_of(row),
        "findings": _list_of(finding),
        "root_causes": _list_of(cause),
        "drop_in": {"anyOf": [{"type": "null"}, drop_in]},
        "records": _list_of(record),
    }
    used = {name: part for name, part in sorted(defs.items()) if name != "Plan"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "harness report",
        **_object(document),
        "$defs": used,
    }


def schema_text() -> str:
    """Return the schema as it is published."""
    return msgspec.json.format(msgspec.json.encode(clean_descriptions(make_schema())), indent=2).decode() + "\n"


def _self_check() -> dict[str, Any]:
    rows = _list_of(_TEXT)
    return _object({"reference": _TEXT, "checked": rows, "missed": rows, "failed": {"type": "boolean"}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _add(part: dict[str, Any], **properties: dict[str, Any]) -> None:
    part["properties"].update(properties)
    part["required"] = [*part.get("required", ()), *properties]


if __name__ == "__main__":
    sys.stdout.write(schema_text())
