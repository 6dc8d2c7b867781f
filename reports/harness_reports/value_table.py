"""An observed list of alike things, such as the steps of a search, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from rich.table import Table
from rich.text import Text

from harness.api import Judge

from .figures import format_figure
from .safe_text import clean
from .squares import value_text


def is_table(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    """Return whether a value is a list of mappings: its lines, by the names of its columns."""
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(line, Mapping) for line in value)


def make_value_table(lines: Sequence[Mapping[str, Any]], judges: Mapping[str, Judge]) -> Table:
    """Return a table with a column for each name that a line has; one named as an observation key has its unit."""
    names = list(dict.fromkeys(name for line in lines for name in line))
    table = Table.grid(padding=(0, 1, 0, 0))
    for _ in names:
        table.add_column(justify="right", overflow="fold")
    table.add_row(*(Text(clean(name).replace(" ", "\n"), style="dim") for name in names))
    for line in lines:
        table.add_row(*(Text(value_in_table(line[name], judges.get(name)) if name in line else "") for name in names))
    return table


def value_in_table(value: Any, judge: Judge | None) -> str:
    """Return a value as a cell of the table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return format_figure(value, clean(judge.unit) if judge else "")
    return "" if value is None else value_text(value)
