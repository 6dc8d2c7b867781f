"""The maps of the first screen: how each area of behaviour stands on each runtime, and what each scenario costs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model import CellSummary, Comparison, RowSummary, Run
from harness_reports.backend_summary import Standing, backends_of, stand
from harness_reports.figures import format_count, format_factor
from harness_reports.grid import places_of_variants
from harness_reports.questions import split_questions
from harness_reports.safe_text import clean

_TONES = {
    Standing.BUG: "bad",
    Standing.DIFFERENCE: "bad",
    Standing.KNOWN: "odd",
    Standing.BY_DESIGN: "may",
    Standing.NOT_FINISHED: "off",
    Standing.NOT_MEASURED: "off",
    Standing.NOT_RUN: "off",
    Standing.FINE: "ok",
}
_SYMBOLS = {
    Standing.BUG: "✗",
    Standing.DIFFERENCE: "≠",
    Standing.KNOWN: "k",
    Standing.BY_DESIGN: "≈",
    Standing.NOT_MEASURED: "○",
    Standing.NOT_FINISHED: "…",
}
_UNANSWERED = (Standing.NOT_MEASURED, Standing.NOT_FINISHED)
_MARGIN = 0.03
_STRONG = 0.3
"""From this difference on, a factor has the stronger shade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatSquare:
    """A square: a short text, its meaning in words, a tone, and the search that lists its rows."""

    text: str
    words: str
    tone: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatLine:
    """An area or a scenario, with a square for each runtime; `None` where nothing of it ran."""

    name: str
    query: str
    squares: tuple[HeatSquare | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """A table of squares."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[HeatLine, ...]


def make_heatmaps(run: Run, comparison: Comparison, columns: Sequence[str]) -> list[HeatMap]:
    """Return the maps that have a line: behaviour by area, cost by scenario."""
    measured, questions = split_questions(run, comparison)
    variants = {label: column for label, (column, _) in places_of_variants(run.started.plan).items()}
    behaviour = [row for row in comparison.rows if row in questions or not _has_figure(row)]
    figures = [row for row in measured if _has_figure(row)]
    maps = [
        HeatMap(
            title="behaviour by area",
            columns=tuple(columns),
            lines=tuple(_behaviour_lines(behaviour, columns, variants)),
        ),
        HeatMap(
            title=f"cost by scenario, as a factor of {clean(comparison.reference)}'s",
            columns=tuple(columns),
            lines=tuple(_cost_lines(figures, columns, variants, comparison.reference)),
        ),
    ]
    return [each for each in maps if each.lines]


def _has_figure(row: RowSummary) -> bool:
    return any(cell.headline is not None or cell.withheld for cell in row.cells)


def _by_name(rows: Iterable[RowSummary], *, whole: bool) -> dict[str, list[RowSummary]]:
    found: dict[str, list[RowSummary]] = {}
    for row in rows:
        name = row.row.scenario if whole else row.row.scenario.partition(".")[0]
        found.setdefault(name, []).append(row)
    return found


def _behaviour_lines(
    rows: Iterable[RowSummary], columns: Sequence[str], variants: Mapping[str, str]
) -> Iterable[HeatLine]:
    for area, members in _by_name(rows, whole=False).items():
        query = f"{clean(area)}.*" if any("." in row.row.scenario for row in members) else clean(area)
        squares = tuple(_behaviour_square(members, column, variants, query) for column in columns)
        yield HeatLine(name=clean(area), query=query, squares=squares)


def _behaviour_square(
    rows: Sequence[RowSummary], column: str, variants: Mapping[str, str], query: str
) -> HeatSquare | None:
    standings = Counter(stand(cells) for row in rows if (cells := _cells_of(row, column, variants)))
    if not standings:
        return None
    worst = min(standings, key=list(Standing).index)
    shown = [standing for standing in _SYMBOLS if standings[standing]]
    if not shown:
        is_fine = worst is Standing.FINE or standings[Standing.FINE] > 0
        text, tone = ("✓", "ok") if is_fine else ("–", "off")
        return HeatSquare(text=text, words=_words(standings, rows), tone=tone, query=f"{query} {clean(column)}")
    text = " ".join(f"{_SYMBOLS[standing]}{standings[standing]}" for standing in shown)
    kept = "" if worst in _UNANSWERED else " differs"
    return HeatSquare(
        text=text, words=_words(standings, rows), tone=_TONES[worst], query=f"{query} {clean(column)}{kept}"
    )


def _words(standings: Counter[Standing], rows: Sequence[RowSummary]) -> str:
    counts = ", ".join(f"{standings[standing]} {standing}" for standing in Standing if standings[standing])
    return f"{counts} of {format_count(len(rows), 'row')}"


def _cells_of(row: RowSummary, column: str, variants: Mapping[str, str]) -> list[CellSummary]:
    return [cell for cell in row.cells if column in backends_of(cell, variants)]


def _cost_lines(
    rows: Iterable[RowSummary], columns: Sequence[str], variants: Mapping[str, str], reference: str
) -> Iterable[HeatLine]:
    for scenario, members in _by_name(rows, whole=True).items():
        squares = tuple(_cost_square(members, column, variants, reference) for column in columns)
        yield HeatLine(name=clean(scenario), query=f"{clean(scenario)} figures", squares=squares)


def _cost_square(
    rows: Sequence[RowSummary], column: str, variants: Mapping[str, str], reference: str
) -> HeatSquare | None:
    cells = [(row, cell) for row in rows for cell in _cells_of(row, column, variants)]
    if not cells:
        return None
    query = f"{clean(rows[0].row.scenario)} {clean(column)} figures"
    standing = stand([cell for _, cell in cells])
    if standing in (Standing.BUG, Standing.DIFFERENCE):
        return HeatSquare(text="✗", words=f"{standing} in {clean(rows[0].row.scenario)}", tone="bad", query=query)
    costs = [_cost_of(cell) for _, cell in cells if cell.ratio is not None and cell.ratio.ratio]
    if costs:
        mean = statistics.geometric_mean(costs)
        is_sure = all(cell.ratio.low is not None for _, cell in cells if cell.ratio is not None and cell.ratio.ratio)
        words = f"{format_factor(mean)} of the cost on {clean(reference)}, over {format_count(len(costs), 'row')}"
        words += "" if is_sure else "; some rows have no interval"
        withheld = sum(cell.withheld for _, cell in cells)
        words += f"; {format_count(withheld, 'row')} not measured" if withheld else ""
        text = f"{format_factor(mean, '')}{f' ○{withheld}' if withheld else ''}"
        return HeatSquare(text=text, words=words, tone=_shade(mean), query=query)
    if column == reference and any(cell.headline is not None for _, cell in cells):
        return HeatSquare(text="1", words="the reference", tone="base", query=query)
    if any(cell.headline is not None for _, cell in cells):
        return HeatSquare(text="·", words="a figure, and no ratio to the reference", tone="off", query=query)
    symbol = "○" if standing is Standing.NOT_MEASURED else "–"
    reason = next((clean(cell.reason) for _, cell in cells if cell.reason), standing.value)
    return HeatSquare(text=symbol, words=f"{standing}: {reason}", tone="off", query=query)


def _cost_of(cell: CellSummary) -> float:
    assert cell.ratio is not None
    assert cell.ratio.ratio is not None
    assert cell.headline is not None
    return 1 / cell.ratio.ratio if cell.headline.better == "higher" else cell.ratio.ratio


def _shade(cost: float) -> str:
    if abs(cost - 1) <= _MARGIN:
        return "base"
    name = "less" if cost < 1 else "more"
    return f"{name}-2" if cost > 1 + 2 * _STRONG or cost < 1 - _STRONG else f"{name}-1"
