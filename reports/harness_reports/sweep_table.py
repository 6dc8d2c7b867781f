"""Figures against a parameter: the rows of a scenario that differ in one number only, one line for each value of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.api import Value
from harness.model import SYMBOLS, CellSummary, Comparison, Outcome, RowSummary, format_value

from .figures import format_figure
from .safe_text import clean

_PERCENTILE = re.compile(r"(?P<stem>.+) (?P<name>p\d+(?:\.\d+)?)")
_CURVE = ("p50", "p90", "p99")
_NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Rows of a scenario that differ in one numeric parameter, in the order of its values."""

    scenario: str
    parameter: str
    fixed: tuple[tuple[str, Value], ...]
    """The other parameters, which are the same in all rows."""
    rows: tuple[tuple[float, RowSummary], ...]
    keys: Mapping[str, str]
    """Columns of each value: label and observation key."""

    @property
    def title(self) -> Text:
        """Title of the table."""
        headline = self.rows[0][1].headline
        (first, *_), found = self.keys, _PERCENTILE.fullmatch(headline)
        what = clean(headline) if found is None or not first else f"{clean(found['stem'])} {', '.join(self.keys)}"
        fixed = ", ".join(f"{clean(name)}={clean(format_value(value))}" for name, value in self.fixed)
        title = Text.assemble((f"{clean(self.scenario)} by {clean(self.parameter)}", "bold"), f": {what}")
        return title.append(f" ({fixed})" if fixed else "", style="dim")


def render_sweeps(comparison: Comparison, *, least_values: int = 2, least_keys: int = 1) -> Iterator[RenderableType]:
    """Yield a table for each sweep with so many values of its parameter and so many figures for each of them."""
    for sweep in find_sweeps(comparison.rows):
        if len(sweep.rows) >= least_values and len(sweep.keys) >= least_keys:
            yield sweep.title
            yield _make_table(sweep)
            yield Text()


def find_sweeps(rows: Sequence[RowSummary]) -> list[Sweep]:
    """Return the sweeps among rows; those without any figure are none."""
    alike: dict[tuple[str, str, tuple[tuple[str, Value], ...]], list[tuple[float, RowSummary]]] = {}
    for row in rows:
        for name, value in row.row.parameters:
            if isinstance(value, int | float) and not isinstance(value, bool):
                fixed = tuple(pair for pair in row.row.parameters if pair[0] != name)
                alike.setdefault((row.row.scenario, name, fixed), []).append((value, row))
    return [
        Sweep(
            scenario=scenario,
            parameter=name,
            fixed=fixed,
            rows=tuple(sorted(found, key=lambda pair: pair[0])),
            keys=keys,
        )
        for (scenario, name, fixed), found in alike.items()
        if len(found) > 1 and (keys := _keys_of([row for _, row in found]))
    ]


def find_distribution(rows: Sequence[RowSummary]) -> dict[str, str]:
    """Return the percentiles of the family of a headline, by name in order, and the largest value."""
    headline = _PERCENTILE.fullmatch(rows[0].headline) if rows else None
    if headline is None:
        return {}
    stem = headline["stem"]
    observed = {key for row in rows for cell in row.cells for key in cell.metrics}
    names = {found["name"] for key in observed if (found := _PERCENTILE.fullmatch(key)) and found["stem"] == stem}
    keys = {name: f"{stem} {name}" for name in sorted(names, key=lambda name: float(name[1:]))}
    return keys | ({"max": largest} if (largest := f"{stem} max") in observed else {})


def _keys_of(rows: Sequence[RowSummary]) -> dict[str, str]:
    headline = rows[0].headline
    observed = {key for row in rows for cell in row.cells for key in cell.metrics}
    percentile = _PERCENTILE.fullmatch(headline)
    if percentile is None:
        return {"": headline} if headline in observed else {}
    names = dict.fromkeys((*_CURVE, percentile["name"]))
    keys = {name: f"{percentile['stem']} {name}" for name in sorted(names, key=lambda name: float(name[1:]))}
    return {name: key for name, key in keys.items() if key in observed}


def _make_table(sweep: Sweep) -> Table:
    labels = list(dict.fromkeys(cell.label for _, row in sweep.rows for cell in row.cells))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(Text(f"  {clean(sweep.parameter)}"), Text(), *(Text(clean(label), style="bold") for label in labels))
    for value, row in sweep.rows:
        cells = {cell.label: cell for cell in row.cells}
        for position, (name, key) in enumerate(sweep.keys.items()):
            shown = "" if position else f"  {format_value(value)}"
            figures = (_figure_of(cells.get(label), key) for label in labels)
            table.add_row(Text(shown), Text(name, style="dim"), *map(Text, figures))
    return table


def _figure_of(cell: CellSummary | None, key: str) -> str:
    if cell is None:
        return ""
    if cell.outcome is not Outcome.COMPLETED:
        return SYMBOLS[cell.outcome]
    metric = cell.metrics.get(key)
    return _NOTHING if metric is None else format_figure(metric.median, clean(metric.unit))
