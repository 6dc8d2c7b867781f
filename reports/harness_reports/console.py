"""Lay text out for a terminal of a given width; the same on every terminal and in every environment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.model import RenderOptions

_LEAST_WIDTH = 20


def print_to_text(parts: Iterable[RenderableType], options: RenderOptions) -> str:
    """Return parts as they look one below the other, never wider than `options.width`."""
    file = StringIO()
    console = Console(
        file=file,
        width=max(options.width, _LEAST_WIDTH),
        force_terminal=options.colour,
        color_system="standard" if options.colour else None,
        no_color=not options.colour,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},  # no variable of the reader's shell changes a report
    )
    for part in parts:
        console.print(part, overflow="fold")
    lines = file.getvalue().splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def make_fields(fields: Iterable[tuple[str, RenderableType]]) -> Padding:
    """Return names and descriptions, in two columns; a name is given once for lines that belong together."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(name, value)
    return Padding(table, (0, 0, 0, 2))


def make_lines(name: str, lines: Sequence[str]) -> list[tuple[str, RenderableType]]:
    """Return a field of several lines, for `make_fields`."""
    return [(name if index == 0 else "", Text(line)) for index, line in enumerate(lines)]


def fill_lines(items: Iterable[str], width: int) -> list[str]:
    """Put items side by side, as many as fit in a line, and break none of them."""
    lines: list[str] = []
    for item in items:
        if lines and cell_len(f"{lines[-1]}   {item}") <= width:
            lines[-1] += f"   {item}"
        else:
            lines.append(item)
    return lines
