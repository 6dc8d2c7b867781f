"""The grid: rows by scenario, a column for each backend; a line for each cell where the terminal is too narrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.api import Judge, Value
from harness.model import SYMBOLS, BackendSpec, CellSummary, Comparison, Outcome, Plan, RowSummary, Run, format_value

from .figures import TIMES, format_count
from .safe_text import clean
from .squares import BEST, UNLIKE, WITHHELD, SquareText, caption_of, describe_square, headline_judges

_GAP = 2
_LEAST_ROW_NAME = 14
_MOST_HEADER = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A line of the grid: its name, and a square for each column that it has.

    Variants of a backend have no column, because most rows have few of them: below a row, each idiom that was run has a
    line, with its squares in the columns of the backends.
    """

    summary: RowSummary
    name: str
    squares: Mapping[str, SquareText]
    labels: Mapping[str, str]
    """By column, the label of the backend whose square it is."""
    notes: tuple[str, ...] = ()
    """Lines below it, such as the legend of its letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridBlock:
    """The rows of a scenario. Without a heading, its only row bears its name."""

    heading: str
    caption: str
    rows: tuple[GridRow, ...]


class Ratios(Enum):
    """How much of a ratio a grid has room for."""

    WHOLE = auto()
    """With its interval and verdict, on one line."""
    STACKED = auto()
    """Interval and verdict below the figure."""
    NONE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLayout:
    """Widths of the columns, in cells of the terminal."""

    name: int
    heads: Mapping[str, int]
    columns: Mapping[str, int]
    ratios: Ratios


def make_blocks(run: Run, rows_shown: Sequence[RowSummary]) -> list[GridBlock]:
    """Return the grid of these rows by scenario."""
    judges = headline_judges(run)
    places = places_of_variants(run.started.plan)
    blocks = []
    for scenario, grouped in groupby(rows_shown, key=lambda row: row.row.scenario):
        rows = list(grouped)
        judge = judges.get(scenario)
        is_single = len(rows) == 1 and not (judge is not None and judge.is_measured)
        names = name_rows([dict(row.row.parameters) for row in rows])
        blocks.append(
            GridBlock(
                heading="" if is_single else clean(scenario),
                caption=caption_of(rows[0], judge),
                rows=tuple(
                    line
                    for row, name in zip(rows, names, strict=True)
                    for line in make_lines(row, judge, clean(row.row) if is_single else name, places)
                ),
            )
        )
    return blocks


def render_grid(blocks: Sequence[GridBlock], layout: GridLayout | None) -> Iterator[RenderableType]:
    """Yield the grid as a table, or as a list if there is no layout in which the table fits."""
    if layout is None:
        yield from _render_list(blocks)
        return
    yield _make_table(layout, [_header_of(layout)])
    for block in blocks:
        if block.heading:
            yield _heading_of(block)
        for row in block.rows:
            yield _make_table(layout, [_line_of(row, layout, indented=bool(block.heading))])
            yield from (Text(f"      {note}", style="dim") for note in row.notes)


def make_layout(blocks: Sequence[GridBlock], labels: Sequence[str], width: int) -> GridLayout | None:
    """Return the most telling layout that fits, or nothing if even one without ratios does not."""
    rows = [(row, 2 if block.heading else 0) for block in blocks for row in block.rows]
    labels = [label for label in labels if any(label in row.squares for row, _ in rows)]
    natural = max((cell_len(row.name) + indent for row, indent in rows), default=0)
    heads = {
        label: max((cell_len(row.squares[label].head) for row, _ in rows if label in row.squares), default=0)
        for label in labels
    }
    for ratios in Ratios:
        columns = {label: _column_width(label, heads[label], rows, ratios) for label in labels}
        room = width - sum(columns.values()) - _GAP * len(columns)
        if room >= min(natural, _LEAST_ROW_NAME):
            return GridLayout(name=min(natural, room), heads=heads, columns=columns, ratios=ratios)
    return None


def make_legend(blocks: Sequence[GridBlock], layout: GridLayout | None, reference: str) -> list[str]:
    """Explain the symbols that the grid uses, and no other."""
    squares = [square for block in blocks for row in block.rows for square in row.squares.values()]
    parts = [f"{symbol} {meaning}" for symbol, meaning in dict.fromkeys((sq.symbol, sq.meaning) for sq in squares)]
    if any(square.share for square in squares):
        parts.append("1/3 in one of three rounds")
    if any(square.is_best for square in squares):
        parts.append(f"{BEST} best of the row")
    if reference and (layout is None or layout.ratios is not Ratios.NONE):
        if any(TIMES in square.ratio for square in squares):
            parts.append(f"{TIMES} against {clean(reference)}")
        if any(UNLIKE in square.ratio for square in squares):
            parts.append(f"{UNLIKE} not the same work as {clean(reference)}")
    return parts


def make_footnotes(comparison: Comparison) -> list[str]:
    """Say why cells were not run although their backend is there, and what makes ratios doubtful."""
    return [*_not_run(comparison), *_withheld(comparison), *_unlike(comparison)]


def _withheld(comparison: Comparison) -> list[str]:
    reasons: dict[tuple[str, str, str], int] = {}
    for row in comparison.rows:
        for cell in row.cells:
            if cell.withheld and not cell.is_unexpected:
                key = clean(row.row.scenario), clean(cell.label), clean(cell.reason)
                reasons[key] = reasons.get(key, 0) + 1
    return [
        f"{WITHHELD[0]} {scenario} on {label}: {reason} ({format_count(count, 'row')})"
        for (scenario, label, reason), count in reasons.items()
    ]


def _unlike(comparison: Comparison) -> list[str]:
    differing: dict[tuple[str, str, str], int] = {}
    for row in comparison.rows:
        for cell in row.cells:
            for field in cell.ratio.disparity if cell.ratio else ():
                key = clean(row.row.scenario), clean(cell.label), clean(field)
                differing[key] = differing.get(key, 0) + 1
    lines = [
        f"{UNLIKE} {scenario} on {label}: {field} ({format_count(count, 'row')})"
        for (scenario, label, field), count in differing.items()
    ]
    is_withheld = any(cell.ratio and cell.ratio.disparity and cell.ratio.ratio is None for cell in _cells(comparison))
    return [*lines, "  --allow-disparity gives the ratios all the same"] if is_withheld else lines


def _cells(comparison: Comparison) -> Iterator[CellSummary]:
    return (cell for row in comparison.rows for cell in row.cells)


def _not_run(comparison: Comparison) -> list[str]:
    reasons: dict[tuple[Outcome, str, str], int] = {}
    for cell in _cells(comparison):
        if cell.outcome in (Outcome.UNSUPPORTED, Outcome.NOT_RUN):
            reason = clean(cell.reason.removeprefix(f"{cell.outcome}: "))
            key = cell.outcome, cell.label, reason
            reasons[key] = reasons.get(key, 0) + 1
    return [
        f"{SYMBOLS[outcome]} {clean(label)}: {reason} ({format_count(count, 'row')})"
        for (outcome, label, reason), count in reasons.items()
    ]


def make_lines(
    row: RowSummary, judge: Judge | None, name: str, places: Mapping[str, tuple[str, str]]
) -> Iterator[GridRow]:
    """Yield the line of a row, and one for each idiom that was run beside it."""
    lines: dict[str, tuple[dict[str, SquareText], dict[str, str]]] = {"": ({}, {})}
    for cell in row.cells:
        column, idiom = places.get(cell.label, (cell.label, ""))
        squares, labels = lines.setdefault(idiom, ({}, {}))
        squares[column], labels[column] = describe_square(cell, row, judge), cell.label
    for idiom, (squares, labels) in lines.items():
        shown = f"  {clean(idiom)}" if idiom else name
        yield GridRow(summary=row, name=shown, squares=squares, labels=labels)


def places_of_variants(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return for each variant the column of the backend that it varies, and the options that make the difference."""
    places = {}
    asked = [spec for spec in plan.backends if spec not in plan.variants]
    for variant in plan.variants:
        varied = [spec for spec in asked if _is_varied(spec, variant)]
        if varied:
            nearest = max(varied, key=lambda spec: len(spec.options))
            extra = [f"{key}={value}" for key, value in variant.options if (key, value) not in nearest.options]
            places[str(variant)] = str(nearest), ",".join(extra)
    return places


def _is_varied(spec: BackendSpec, variant: BackendSpec) -> bool:
    where = (spec.name, spec.version, spec.environment)
    return where == (variant.name, variant.version, variant.environment) and set(spec.options) < set(variant.options)


def name_rows(rows: Sequence[Mapping[str, Value]]) -> list[str]:
    """Name the rows of a scenario by the parameters that tell them apart.

    Words describe a row, so they stay wherever they differ; a number that only goes along with others is left
    out, the largest first. Findings and details give all parameters.
    """
    names = sorted({name for row in rows for name in row}, key=lambda name: (-_size(rows, name), name))
    kept = [name for name in names if len({row.get(name) for row in rows}) > 1 or len(rows) == 1]
    for name in [name for name in kept if _size(rows, name) >= 0]:
        rest = [other for other in kept if other != name]
        still_apart = len({tuple(row.get(other) for other in rest) for row in rows}) == len(rows)
        if still_apart and all(any(other in row for other in rest) for row in rows):
            kept = rest
    return [
        clean(" ".join(f"{name}={format_value(row[name])}" for name in sorted(kept) if name in row)) or "defaults"
        for row in rows
    ]


def _size(rows: Sequence[Mapping[str, Value]], name: str) -> float:
    """Return the largest number among a parameter's values, or -1 if one of them is a word."""
    values = [row.get(name) for row in rows]
    if any(isinstance(value, str | bool) for value in values):
        return -1
    return max((value for value in values if isinstance(value, int | float)), default=0)


def _column_width(label: str, head: int, rows: Sequence[tuple[GridRow, int]], ratios: Ratios) -> int:
    squares = [row.squares[label] for row, _ in rows if label in row.squares]
    ratio = max((cell_len(_beside(square, ratios)) for square in squares), default=0)
    below = max((cell_len(line) for square in squares for line in _below(square, ratios)), default=0)
    return max(head + (ratio + 1 if ratio else 0), below, min(cell_len(clean(label)), _MOST_HEADER), 1)


def _beside(square: SquareText, ratios: Ratios) -> str:
    return {Ratios.WHOLE: square.whole_ratio, Ratios.STACKED: square.ratio, Ratios.NONE: ""}[ratios]


def _below(square: SquareText, ratios: Ratios) -> list[str]:
    lines = (square.interval, square.verdict) if ratios is Ratios.STACKED else ()
    return [f"  {line}" for line in lines if line]


def _make_table(layout: GridLayout, lines: Sequence[Sequence[RenderableType]]) -> Table:
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(width=layout.name, overflow="fold")
    for width in layout.columns.values():
        table.add_column(width=width, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table


def _header_of(layout: GridLayout) -> list[RenderableType]:
    return [Text(), *(Text(_broken(clean(label)), style="bold") for label in layout.columns)]


def _broken(label: str) -> str:
    """Return a label that is too long for its column in lines, each environment on its own."""
    return label.replace("@", "\n@") if cell_len(label) > _MOST_HEADER else label


def _heading_of(block: GridBlock) -> Text:
    caption = f": {block.caption}" if block.caption else ""
    return Text.assemble((block.heading, "bold"), (caption, "dim"))


def _line_of(row: GridRow, layout: GridLayout, *, indented: bool) -> list[RenderableType]:
    # What goes on in a second line stands below the first.
    text = row.name.lstrip()
    name = Padding(Text(text), (0, 0, 0, 2 * indented + len(row.name) - len(text)))
    return [name, *(_text_of(row.squares.get(label), layout, label) for label in layout.columns)]


def _text_of(square: SquareText | None, layout: GridLayout, label: str) -> Text:
    if square is None:
        return Text()
    text = _head_text(square)
    if beside := _beside(square, layout.ratios):
        padding = " " * (layout.heads[label] - cell_len(square.head) + 1)
        text.append(f"{padding}{beside}", style="dim")
    for line in _below(square, layout.ratios):
        text.append(f"\n{line}", style="dim")
    return text


def _head_text(square: SquareText) -> Text:
    figure = square.head.removeprefix(square.symbol)
    return Text.assemble((square.symbol, square.style), (figure, "bold" if square.is_best else ""))


def _render_list(blocks: Sequence[GridBlock]) -> Iterator[RenderableType]:
    for block in blocks:
        if block.heading:
            yield _heading_of(block)
        for row in block.rows:
            yield Text(f"  {row.name}" if block.heading else row.name)
            widest = max((cell_len(clean(label)) for label in row.squares), default=0)
            for label, square in row.squares.items():
                line = Text(f"    {clean(label):<{widest}}  ")
                line.append_text(_head_text(square))
                if square.whole_ratio:
                    line.append(f" {square.whole_ratio}", style="dim")
                yield line
            yield from (Text(f"      {note}", style="dim") for note in row.notes)
