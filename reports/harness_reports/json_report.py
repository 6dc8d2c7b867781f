"""Everything as JSON, for programs."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from harness.model import CellRecord, Comparison, Finding, RenderOptions, RowSummary, Run

from .verdict import make_verdict, tone_of

_HIDDEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""What JSON may hold as it is and a terminal would obey, or not show."""
FORMAT = 1
"""Version of this document; it changes when a reader of the old one would misread the new one."""


def render_json(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return a run and its comparison as one JSON document; equal runs give equal text."""
    del options
    encoder = msgspec.json.Encoder(enc_hook=str, order="deterministic")
    as_declared = msgspec.json.Encoder(enc_hook=str)
    document = {
        "format": FORMAT,
        "run": {**_fields(run.started), "plan": _plan(run)},
        "complete": run.complete,
        "note": comparison.note,
        "incomplete": comparison.incomplete,
        "verdict": {
            "text": make_verdict(comparison),
            "tone": tone_of(comparison).value,
            "unexpected": len(comparison.unexpected),
        },
        "labels": comparison.labels,
        "reference": comparison.reference,
        "self_check": _self_check(comparison),
        "repeats": comparison.repeats,
        "rows": [_row(row) for row in comparison.rows],
        "findings": [_finding(finding) for finding in comparison.findings],
        "root_causes": comparison.root_causes,
        "drop_in": comparison.drop_in,
        "records": [_record(record) for record in run.records],
    }
    # Keys of the document stay in the order in which it reads best, and judges with their grades in that of the
    # scenario, which decides the order of findings; all others are sorted.
    encoders = {"run": as_declared}
    members = ",".join(
        f'"{key}":{encoders.get(key, encoder).encode(value).decode()}' for key, value in document.items()
    )
    text = msgspec.json.format(f"{{{members}}}", indent=2) + "\n"
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plan(run: Run) -> dict[str, Any]:
    """Return the plan with the number of its cells: each of them has a record."""
    return {**_fields(run.started.plan), "cells": len(run.started.plan.cells)}


def _self_check(comparison: Comparison) -> dict[str, Any] | None:
    check = comparison.self_check
    if check is None:
        return None
    return {
        "reference": check.reference,
        "checked": [str(row) for row in check.checked],
        "missed": [str(row) for row in check.missed],
        "failed": check.failed,
        "effects": check.effects,
    }


def _row(row: RowSummary) -> dict[str, Any]:
    squares = [{**_fields(cell), "outcome": cell.outcome} for cell in row.cells]
    return {"id": str(row.row), **_fields(row), "cells": squares}


def _finding(finding: Finding) -> dict[str, Any]:
    return {**_fields(finding), "row_id": str(finding.row), "unexpected": finding.unexpected}


def _record(record: CellRecord) -> dict[str, Any]:
    return {
        "id": record.cell.id,
        "row_id": str(record.cell.row),
        "label": record.cell.label,
        "flaky": record.result.is_flaky,
        "cell": record.cell,
        "result": record.result,
        "observations": record.observations,
    }


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(struct)
