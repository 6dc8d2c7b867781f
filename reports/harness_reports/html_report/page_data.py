"""The data of the page: every row, its squares, and everything known of its cells, for the script to draw on demand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.api import Judge, Outcomes, Support
from harness.model import (
    BackendCard,
    CellRecord,
    CellSummary,
    Comparison,
    RenderOptions,
    RowId,
    RowSummary,
    Run,
    ScenarioCard,
)
from harness_reports.backend_summary import Standing, backends_of, stand
from harness_reports.grid import name_rows, places_of_variants
from harness_reports.questions import is_question, name_row
from harness_reports.safe_text import clean, shorten
from harness_reports.squares import FINE, describe_square, headline_judges

from .anchors import cell_anchor, row_anchor, scenario_anchor
from .answers import AnswerTable, list_answers
from .cells import CellView, view_cell
from .charts import SECONDS, LineChart, Records, draw_growth, draw_spreads, draw_tables
from .findings import FindingView, place_findings
from .inline import embed
from .lanes import LaneChart, draw_lanes
from .sentences import RunSentences, harms_of

_ANSWER_LENGTH = 120
_REASON_LENGTH = 240
_MOST_CHARTS = 120
_MOST_LANED = 2_500
"""Squares of rows whose steps are kept; of a larger run, first those of rows in which something was found."""
_TAGS = {"data lost or mixed": "data", "server dead": "server"}
_NATIVE = Support.NATIVE.value
_TONES = {"green": "ok", "cyan": "may", "dim": "off", "yellow": "odd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """What the script reads. Names of one or two letters are of things that there are thousands of."""

    run: str
    columns: tuple[str, ...]
    reference: str
    scenarios: tuple[str, ...]
    topics: dict[str, tuple[str, ...]]
    """By scenario, words of a user for its subject: the features of the advice."""
    rows: tuple[dict[str, Any], ...]
    findings: tuple[FindingView, ...]
    backends: dict[str, dict[str, Any]]
    spreads: tuple[LineChart, ...]
    growth: tuple[LineChart, ...]
    tables: tuple[LineChart, ...]
    changes: dict[str, Any]
    details: dict[str, CellView]

    @property
    def spread_rows(self) -> set[str]:
        """Rows with a chart of how their latency spreads."""
        distributions = (chart for chart in self.tables if chart.is_distribution)
        return {chart.row for chart in (*self.spreads, *distributions)}


def collect_data(run: Run, comparison: Comparison, columns: Sequence[str], options: RenderOptions) -> PageData:
    """Return the data of a page.

    Args:
        run: the run.
        comparison: its judgement.
        columns: the runtimes, without the idioms that stand below them.
        options: where its evidence is, and what changed since the run before.
    """
    collector = _Collector(run, comparison, options)
    charts = _Charts(run, comparison, collector.records)
    sentences = RunSentences(run, comparison)
    cards = {card.label: card for card in run.started.backends}
    return PageData(
        run=clean(run.started.run_id),
        columns=tuple(map(clean, columns)),
        reference=clean(comparison.reference),
        scenarios=tuple(dict.fromkeys(clean(row.row.scenario) for row in comparison.rows)),
        topics={clean(card.name): tuple(map(clean, card.topics)) for card in run.started.scenarios if card.topics},
        rows=tuple(collector.rows()),
        findings=tuple(place_findings(comparison).views),
        backends={
            clean(label): {
                "summary": clean(cards[label].summary) if label in cards else "",
                "sentences": [(sentence.text, sentence.query) for sentence in sentences.about(label)],
                "facts": list_lacking(cards[label]) if label in cards else [],
            }
            for label in columns
        },
        spreads=charts.spreads,
        growth=charts.growth,
        tables=charts.tables,
        changes={
            "since": clean(options.changed_since),
            "lines": [tuple(map(clean, line)) for line in options.changes],
            "verdict": "nothing changed" if options.changed_since else "no earlier run of the same request is stored",
        },
        details=collector.details(),
    )


def list_lacking(card: BackendCard) -> list[tuple[str, str]]:
    """Return the capabilities that a backend does not offer natively, each with its support and note."""
    return [(clean(name), clean(text)) for name, text in card.offers.items() if not text.startswith(_NATIVE)]


class _Charts:
    """The charts of all scenarios, as many as a page may have."""

    def __init__(self, run: Run, comparison: Comparison, records: Records) -> None:
        cards = {card.name: card for card in run.started.scenarios}
        by_scenario: dict[str, list[RowSummary]] = {}
        for row in comparison.rows:
            by_scenario.setdefault(row.row.scenario, []).append(row)
        measured = [rows for rows in by_scenario.values() if not is_question(rows[0], run)]
        self.spreads = _some(chart for rows in measured for chart in draw_spreads(rows))
        self.growth = _some(chart for rows in measured for chart in draw_growth(rows))
        self.tables = _some(
            chart
            for rows in measured
            if (card := cards.get(rows[0].row.scenario)) is not None
            for chart in draw_tables(rows, card, records)
        )


def _some(charts: Iterable[LineChart]) -> tuple[LineChart, ...]:
    return tuple(chart for chart, _ in zip(charts, range(_MOST_CHARTS), strict=False))


class _Collector:
    """Makes the rows of a page and the details of their cells."""

    def __init__(self, run: Run, comparison: Comparison, options: RenderOptions) -> None:
        self._run, self._comparison, self._options = run, comparison, options
        self._cards = {card.name: card for card in run.started.scenarios}
        self._judges = headline_judges(run)
        self._variants = {label: column for label, (column, _) in places_of_variants(run.started.plan).items()}
        self.records: dict[tuple[RowId, str], list[CellRecord]] = {}
        for record in run.records:
            self.records.setdefault((record.cell.row, record.cell.label), []).append(record)
        self._places = place_findings(comparison).by_row
        self._laned = _choose_rows(comparison)

    def rows(self) -> Iterable[dict[str, Any]]:
        """Yield each row in the order of the comparison."""
        names = _name_all(self._comparison.rows)
        return (self._row(row, name) for row, name in zip(self._comparison.rows, names, strict=True))

    def details(self) -> dict[str, CellView]:
        """Return the details of each square that has any, by fragment."""
        return {
            cell_anchor(row.row, cell.label): view_cell(
                row,
                cell,
                self.records[row.row, cell.label],
                self._cards.get(row.row.scenario),
                self._run,
                self._options,
            )
            for row in self._comparison.rows
            for cell in row.cells
            if (row.row, cell.label) in self.records
        }

    def _row(self, row: RowSummary, name: str) -> dict[str, Any]:
        card = self._cards.get(row.row.scenario)
        own = [record for cell in row.cells for record in self.records.get((row.row, cell.label), ())]
        unit = next((cell.headline.unit for cell in row.cells if cell.headline), "")
        return {
            "id": row_anchor(row.row),
            "anchor": scenario_anchor(row.row.scenario),
            "n": name,
            "s": clean(row.row.scenario),
            "q": clean(card.question) if card else "",
            "nature": str(row.nature) if name_row(row) != clean(row.row) else "",
            "k": "question" if is_question(row, self._run) else "figure",
            "h": clean(row.headline),
            "unit": "s" if unit in SECONDS else clean(unit),
            "contract": list(map(clean, card.contract)) if card else [],
            "cells": [self._cell(cell, row) for cell in row.cells],
            "answers": self._answers(row, card),
            "lanes": self._lanes(row, own),
            "findings": self._places.get(row.row, []),
        }

    def _answers(self, row: RowSummary, card: ScenarioCard | None) -> list[AnswerTable]:
        return list(list_answers(row, card)) if card else []

    def _lanes(self, row: RowSummary, own: Sequence[CellRecord]) -> tuple[LaneChart, ...]:
        return draw_lanes(own) if row.row in self._laned else ()

    def _cell(self, cell: CellSummary, row: RowSummary) -> dict[str, Any]:
        judge: Judge | None = self._judges.get(row.row.scenario)
        square = describe_square(cell, row, judge)
        found: dict[str, Any] = {
            "b": clean(cell.label),
            "c": clean(next(iter(backends_of(cell, self._variants)))),
            "s": square.symbol,
            "w": "ok" if square.symbol == FINE else square.meaning,
            "t": _TONES.get(square.style, "bad"),
            "st": stand([cell]).value,
            "tags": _tags_of(cell),
            "id": cell_anchor(row.row, cell.label),
            "cell": self._first_id(row, cell),
        }
        optional = {
            "f": square.figure if cell.headline or not isinstance(judge, Outcomes) else "",
            "nm": cell.withheld and not cell.is_unexpected,
            "best": square.is_best,
            "r": square.ratio,
            "i": square.interval,
            "v": square.verdict,
            "a": shorten(clean(" | ".join(cell.frequencies.get(row.headline, {}))), _ANSWER_LENGTH),
            "why": shorten(clean(cell.reason), _REASON_LENGTH),
            **_figures_of(cell),
        }
        return found | {name: value for name, value in optional.items() if value not in ("", False, None, ())}

    def _first_id(self, row: RowSummary, cell: CellSummary) -> str:
        records = self.records.get((row.row, cell.label))
        return clean(records[0].cell.id) if records else clean(f"{row.row}@{cell.label}")


def _tags_of(cell: CellSummary) -> list[str]:
    """Return what a square costs a program, as words for the search; nothing where it is as all others are."""
    is_differing = stand([cell]) in (Standing.BUG, Standing.DIFFERENCE, Standing.KNOWN, Standing.BY_DESIGN)
    return [_TAGS.get(harm.value, harm.value) for harm in sorted(harms_of([cell]))] if is_differing else []


def _figures_of(cell: CellSummary) -> Mapping[str, Any]:
    if cell.headline is None:
        return {}
    factor = SECONDS.get(cell.headline.unit, 1.0)
    found: dict[str, Any] = {"values": [value * factor for value in cell.headline.values]}
    if cell.ratio is not None and cell.ratio.low is not None and cell.ratio.low > 0:
        found |= {"ratio": cell.ratio.ratio, "low": cell.ratio.low, "high": cell.ratio.high}
    return found


def _name_all(rows: Sequence[RowSummary]) -> list[str]:
    """Return the name of each row: the scenario, and the parameters that tell it from others of its scenario."""
    by_scenario: dict[str, list[RowSummary]] = {}
    for row in rows:
        by_scenario.setdefault(row.row.scenario, []).append(row)
    names: dict[RowId, str] = {}
    for scenario, members in by_scenario.items():
        shown = name_rows([dict(row.row.parameters) for row in members]) if len(members) > 1 else [""]
        names |= {row.row: f"{clean(scenario)} {name}".strip() for row, name in zip(members, shown, strict=True)}
    return [names[row.row] for row in rows]


def _choose_rows(comparison: Comparison) -> frozenset[RowId]:
    """Return the rows whose steps the page keeps."""
    chosen: list[RowId] = []
    room = _MOST_LANED
    for row in sorted(comparison.rows, key=lambda row: list(type(stand(row.cells))).index(stand(row.cells))):
        room -= len(row.cells)
        if room < 0 and chosen:
            break
        chosen.append(row.row)
    return frozenset(chosen)


def encode_data(data: PageData, room: int) -> str:
    """Return the data as JSON that may stand in a page, in at most so many bytes.

    Details that do not fit are left out, first those of cells in which nothing was found.
    """
    bare = {name: getattr(data, name) for name in PageData.__dataclass_fields__ if name != "details"}
    left = room - len(msgspec.json.encode(bare))
    kept: dict[str, msgspec.Raw] = {}
    for anchor, view in sorted(data.details.items(), key=lambda item: -item[1].weight):
        text = msgspec.json.encode(view)
        if len(text) <= left:
            left -= len(text)
            kept[anchor] = msgspec.Raw(text)
    return embed(bare | {"details": kept})
