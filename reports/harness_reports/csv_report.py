"""The raw values as CSV: a line for each value that a cell observed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from harness.api import Judge
from harness.model import CellRecord, Comparison, Observed, RenderOptions, Run, format_parameters

from .resource_lines import list_facts
from .safe_text import clean

COLUMNS = (
    "run",
    "scenario",
    "parameters",
    "backend",
    "round",
    "again",
    "outcome",
    "attempts",
    "role",
    "key",
    "judge",
    "unit",
    "value",
    "seconds",
)
_FORMULA = ("=", "+", "-", "@")


def render_csv(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return every observed value; a cell without any has one line, so that each cell is there."""
    del options
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    judges = {card.name: card.judges for card in run.started.scenarios}
    for record in run.records:
        start = _start_of(record, comparison)
        lines = list(_lines_of(record, judges.get(record.cell.scenario, {})))
        writer.writerows([*start, *line] for line in lines or [("",) * 6])
    return file.getvalue()


def _start_of(record: CellRecord, comparison: Comparison) -> list[str]:
    cell = record.cell
    texts = [comparison.run_id, cell.scenario, format_parameters(cell.parameters).strip("[]"), cell.label]
    again = "yes" if cell.alias else "no"
    ended = [str(record.result.outcome), str(len(record.result.retried) + 1)]
    return [*map(_harmless, texts), str(cell.round), again, *ended]


def _lines_of(record: CellRecord, judges: dict[str, Judge]) -> Iterator[tuple[str, ...]]:
    for fact in record.observations:
        if isinstance(fact, Observed):
            judge = judges.get(fact.key)
            name = type(judge).__name__.lower() if judge is not None else ""
            unit = judge.unit if judge is not None else ""
            texts = _harmless(fact.role), _harmless(fact.key), name, _harmless(unit)
            yield (*texts, _value_text(fact.value), f"{fact.at:.6f}")
    for role, key, unit, value in list_facts(record.result):
        yield _harmless(role), key, "resource", unit, _value_text(value), ""


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return _harmless(value)
    return _harmless(msgspec.json.encode(value, enc_hook=str, order="deterministic").decode())


def _harmless(value: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    cleaned = clean(value)
    return f"'{cleaned}" if cleaned.startswith(_FORMULA) else cleaned
