"""The grid of pairs: a server in each line, a client in each column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.api import Judge
from harness.model import Comparison, RowSummary, Run

from .grid import name_rows
from .safe_text import clean
from .squares import describe_square, headline_judges


def has_pairs(row: RowSummary) -> bool:
    """Return whether a row was run with a different backend in each role."""
    return any(len(set(cell.roles)) > 1 for cell in row.cells)


def name_row(row: RowSummary, rows: Sequence[RowSummary]) -> str:
    """Return how a row is called among others of its scenario."""
    siblings = [dict(other.row.parameters) for other in rows if other.row.scenario == row.row.scenario]
    return name_rows(siblings)[siblings.index(dict(row.row.parameters))]


def render_pairs(run: Run, comparison: Comparison) -> Iterator[RenderableType]:
    """Yield a grid for each row whose pairs were run."""
    judges = headline_judges(run)
    rows = [row for row in comparison.rows if has_pairs(row)]
    for row in rows:
        name = name_row(row, rows)
        title = Text.assemble((clean(row.row.scenario), "bold"), f" {name}", (": server down, client across", "dim"))
        yield title
        yield _make_grid(row, judges.get(row.row.scenario))


def _make_grid(row: RowSummary, judge: Judge | None) -> Table:
    servers = list(dict.fromkeys(cell.roles[0] for cell in row.cells))
    clients = list(dict.fromkeys(cell.roles[-1] for cell in row.cells))
    square_of = {cell.roles: describe_square(cell, row, judge) for cell in row.cells}
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(Text(), *(Text(clean(client), style="bold") for client in clients))
    for server in servers:
        squares = (square_of.get((server, client)) for client in clients)
        texts = (Text(square.head, style=square.style) if square else Text() for square in squares)
        table.add_row(Text(f"  {clean(server)}", style="bold"), *texts)
    return table
