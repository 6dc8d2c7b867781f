"""One section for each scenario: the question, charts, answers, traces, and the cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from harness.api import Chart, Graded, Outcomes
from harness.model import CellRecord, Comparison, Outcome, RenderOptions, RowId, RowSummary, Run, ScenarioCard
from harness_reports.cell_view import samples_of
from harness_reports.figures import format_figure
from harness_reports.grid import name_rows
from harness_reports.pairs_grid import has_pairs
from harness_reports.questions import is_question
from harness_reports.safe_text import clean
from harness_reports.squares import FINE, best_labels, describe_square, interval_text, ratio_text, verdict_text
from harness_reports.sweep_table import Sweep, find_distribution, find_sweeps
from harness_reports.value_table import is_table

from .anchors import cell_anchor, scenario_anchor
from .cells import CellView, view_cell
from .charts import describe_figures, draw_distribution, draw_figures, draw_ratios, draw_sweep, draw_table
from .traces import TraceView, view_traces

_MOST_CHARTS = 80
_LEAST_OF_A_CURVE = 3
_MOST_SQUARES = 2_500


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """Backends that gave the same answer, equally often."""

    value: str
    backends: tuple[tuple[str, str], ...]
    """Name and fragment."""
    seen: str
    grade: str
    tone: str
    reason: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row in its scenario's section."""

    name: str
    answers: tuple[tuple[str, tuple[AnswerView, ...]], ...]
    """Of each key that is judged by a set."""
    groups: tuple[tuple[str, tuple[AnswerView, ...]], ...]
    """Of each other judged key that differs."""
    traces: TraceView | None
    cells: tuple[CellView, ...]
    is_alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLine:
    """A figure of the sortable table."""

    row: str
    label: str
    anchor: str
    figure: str
    order: float
    is_best: bool
    ratio: str
    interval: str
    verdict: str
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """A chart, its title, and its content in words."""

    title: str
    words: str
    svg: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """A scenario."""

    name: str
    anchor: str
    family: str
    """The question; empty for a measured scenario."""
    question: str
    contract: tuple[str, ...]
    rows: tuple[RowView, ...]
    charts: tuple[ChartView, ...]
    figures: tuple[FigureLine, ...]
    left_out: tuple[str, ...]
    """Fragments of cells that a page of so large a run has no room for."""
    is_alike: bool
    summary: str


@dataclass(slots=True)
class ChartBudget:
    """How many charts a page may still have; drawing takes time and room."""

    left: int = field(default=_MOST_CHARTS)

    def take(self, title: str, words: str, svg: Markup | None) -> Iterable[ChartView]:
        """Return a chart, if there is one."""
        if svg is not None:
            self.left -= 1
            yield ChartView(title=title, words=words, svg=svg)


def view_sections(run: Run, comparison: Comparison, labels: Sequence[str], options: RenderOptions) -> list[SectionView]:
    """Return a section for each scenario.

    Args:
        run: the run.
        comparison: its judgement.
        labels: the columns, those that were not selected by name last; decides colours and shapes.
        options: where its evidence is.
    """
    cards = {card.name: card for card in run.started.scenarios}
    records: dict[tuple[RowId, str], list[CellRecord]] = {}
    for record in run.records:
        records.setdefault((record.cell.row, record.cell.label), []).append(record)
    by_scenario: dict[str, list[RowSummary]] = {}
    for row in comparison.rows:
        by_scenario.setdefault(row.row.scenario, []).append(row)
    budget, detailed = ChartBudget(), choose_rows(comparison)
    return [
        _view_section(name, rows, cards.get(name), records, run, comparison, labels, options, budget, detailed)
        for name, rows in by_scenario.items()
    ]


def choose_rows(comparison: Comparison) -> frozenset[RowId]:
    """Return the rows that the page has in detail: all of a usual run; of a large one first those with findings."""
    chosen: list[RowId] = []
    room = _MOST_SQUARES
    for row in sorted(comparison.rows, key=_weight):
        room -= len(row.cells)
        if room < 0 and chosen:
            break
        chosen.append(row.row)
    return frozenset(chosen)


def _weight(row: RowSummary) -> int:
    if any(cell.is_unexpected for cell in row.cells):
        return 0
    return 1 if any(cell.findings or cell.known for cell in row.cells) else 2


def _view_section(
    name: str,
    rows: list[RowSummary],
    card: ScenarioCard | None,
    records: dict[tuple[RowId, str], list[CellRecord]],
    run: Run,
    comparison: Comparison,
    labels: Sequence[str],
    options: RenderOptions,
    budget: ChartBudget,
    detailed: frozenset[RowId],
) -> SectionView:
    names = name_rows([dict(row.row.parameters) for row in rows])
    views = tuple(
        _view_row(row, row_name, card, records, run, options)
        for row, row_name in zip(rows, names, strict=True)
        if row.row in detailed
    )
    question = is_question(rows[0], run)
    charts = () if question else tuple(_charts(rows, records, comparison, labels, budget, card))
    differing = sum(not view.is_alike for view in views)
    return SectionView(
        name=clean(name),
        anchor=scenario_anchor(name),
        family=clean(name.partition(".")[0]) if question else "",
        question=clean(card.question) if card else "",
        contract=tuple(map(clean, card.contract)) if card else (),
        rows=views,
        charts=charts,
        figures=tuple(_figure_lines(rows, names)),
        left_out=tuple(cell_anchor(row.row, c.label) for row in rows if row.row not in detailed for c in row.cells),
        is_alike=not differing,
        summary=_summary(len(rows), differing),
    )


def _summary(rows: int, differing: int) -> str:
    if rows == 1:
        return "backends differ" if differing else "the same on all backends"
    return f"differs in {differing} of {rows} rows" if differing else f"the same on all backends, in {rows} rows"


# --- charts ---


def _charts(
    rows: list[RowSummary],
    records: dict[tuple[RowId, str], list[CellRecord]],
    comparison: Comparison,
    labels: Sequence[str],
    budget: ChartBudget,
    card: ScenarioCard | None,
) -> Iterable[ChartView]:
    if budget.left <= 0:
        return
    alone = [row for row in rows if not has_pairs(row)]
    words = describe_figures(alone, comparison)
    if alone:
        yield from budget.take(f"{clean(alone[0].headline)} by row", words, draw_figures(alone, labels))
        title = f"{clean(alone[0].headline)} as a factor of {clean(comparison.reference)}'s, with intervals"
        yield from budget.take(title, _ratio_words(alone), draw_ratios(alone, labels, comparison.reference))
    if alone and (keys := find_distribution(alone)) and budget.left > 0:
        title = f"{clean(alone[0].headline.rpartition(' ')[0])} from the median to the largest"
        yield from budget.take(title, _distribution_words(alone, keys), draw_distribution(alone, keys, labels))
    for sweep in find_sweeps(alone):
        if len(sweep.rows) >= _LEAST_OF_A_CURVE and budget.left > 0:
            yield from budget.take(sweep.title.plain, _sweep_words(sweep), draw_sweep(sweep, labels))
    if card is None:
        return
    for row, chart in ((row, chart) for row in alone for chart in card.charts):
        if budget.left > 0 and (points := list(_points_of(chart, row, records))):
            title = f"{clean(chart.title)}: {clean(row.row)}"
            unit = getattr(card.judges.get(chart.y), "unit", "")
            yield from budget.take(title, _words_of(chart, points, unit), draw_table(chart, points, labels, unit))


def _points_of(
    chart: Chart, row: RowSummary, records: dict[tuple[RowId, str], list[CellRecord]]
) -> Iterable[tuple[str, float, float]]:
    """Yield backend, x and y of each point, of the first round only: a chart shows one curve for each backend."""
    for cell in row.cells:
        for record in records.get((row.row, cell.label), [])[:1]:
            for table in filter(is_table, samples_of(record).get(chart.key, ())):
                for line in table:
                    x, y = line.get(chart.x), line.get(chart.y)
                    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
                        yield cell.label, float(x), float(y)


def _words_of(chart: Chart, points: Iterable[tuple[str, float, float]], unit: str) -> str:
    x_unit = clean(chart.x_unit)
    return ", ".join(
        f"{clean(label)} {format_figure(x, x_unit)} {format_figure(y, clean(unit))}" for label, x, y in points
    )


def _ratio_words(rows: Sequence[RowSummary]) -> str:
    lines = []
    for row in rows:
        found = [
            " ".join((clean(cell.label), ratio_text(cell.ratio), interval_text(cell.ratio)))
            for cell in row.cells
            if cell.ratio is not None and cell.ratio.low is not None
        ]
        if found:
            lines.append(f"{clean(row.row)}: {', '.join(found)}")
    return ". ".join(lines)


def _distribution_words(rows: Sequence[RowSummary], keys: Mapping[str, str]) -> str:
    lines = []
    for row in rows:
        for cell in row.cells:
            found = {name: cell.metrics[key] for name, key in keys.items() if key in cell.metrics}
            figures = [f"{name} {format_figure(metric.median, clean(metric.unit))}" for name, metric in found.items()]
            if figures:
                lines.append(f"{clean(row.row)} on {clean(cell.label)}: {', '.join(figures)}")
    return ". ".join(lines)


def _sweep_words(sweep: Sweep) -> str:
    last = list(sweep.keys.values())[-1]
    lines = []
    for value, row in sweep.rows:
        figures = [
            f"{clean(cell.label)} {format_figure(cell.metrics[last].median, clean(cell.metrics[last].unit))}"
            for cell in row.cells
            if last in cell.metrics
        ]
        if figures:
            lines.append(f"{value:g}: {', '.join(figures)}")
    return ". ".join(lines)


# --- rows ---


def _view_row(
    row: RowSummary,
    name: str,
    card: ScenarioCard | None,
    records: dict[tuple[RowId, str], list[CellRecord]],
    run: Run,
    options: RenderOptions,
) -> RowView:
    judges = card.judges if card else {}
    judge = judges.get(card.headline) if card else None
    answers = [(key, tuple(_graded(row, key, judge))) for key, judge in judges.items() if isinstance(judge, Outcomes)]
    groups = [(key, tuple(_grouped(row, key))) for key, judge in judges.items() if judge.is_owed]
    own = [record for cell in row.cells for record in records.get((row.row, cell.label), [])]
    cells = tuple(
        view_cell(row, cell, records.get((row.row, cell.label), []), card, run, options) for cell in row.cells
    )
    fine = all(describe_square(cell, row, judge).symbol == FINE for cell in row.cells)
    return RowView(
        name=name,
        answers=tuple((clean(key), found) for key, found in answers if found),
        groups=tuple((clean(key), found) for key, found in groups if len(found) > 1),
        traces=view_traces(own),
        cells=cells,
        is_alike=fine and all(len({answer.value for answer in found}) < 2 for _, found in answers),
    )


def _graded(row: RowSummary, key: str, judge: Outcomes) -> Iterable[AnswerView]:
    seen: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for cell in row.cells:
        counts = cell.frequencies.get(key, {})
        total = sum(counts.values())
        for value, count in counts.items():
            place = clean(cell.label), cell_anchor(row.row, cell.label)
            seen.setdefault((value, f"{count} of {total}"), []).append(place)
    for (value, share), backends in seen.items():
        graded = judge.grades.get(value)
        yield AnswerView(
            value=value,
            backends=tuple(backends),
            seen=share,
            grade=str(graded.grade) if graded else "forbidden, because it is not listed",
            tone=_tone(graded),
            reason=graded.reason if graded else "",
            reference=graded.reference if graded else "",
        )


def _tone(graded: Graded | None) -> str:
    if graded is None:
        return "bad"
    return {"required": "ok", "allowed": "ok", "interesting": "may"}.get(graded.grade.value, "bad")


def _grouped(row: RowSummary, key: str) -> Iterable[AnswerView]:
    seen: dict[str, list[tuple[str, str]]] = {}
    for cell in row.cells:
        if key in cell.values and cell.outcome is Outcome.COMPLETED:
            seen.setdefault(clean(cell.values[key]), []).append((clean(cell.label), cell_anchor(row.row, cell.label)))
    sizes = Counter({value: len(backends) for value, backends in seen.items()})
    for value, _ in sizes.most_common():
        yield AnswerView(
            value=value, backends=tuple(seen[value]), seen="", grade="", tone="may", reason="", reference=""
        )


def _figure_lines(rows: Sequence[RowSummary], names: Sequence[str]) -> Iterable[FigureLine]:
    for row, name in zip(rows, names, strict=True):
        best = best_labels(row)
        for cell in row.cells:
            if cell.headline is not None:
                yield FigureLine(
                    row=name,
                    label=clean(cell.label),
                    anchor=cell_anchor(row.row, cell.label),
                    figure=format_figure(cell.headline.median, clean(cell.headline.unit)),
                    order=cell.headline.median,
                    is_best=cell.label in best,
                    ratio=ratio_text(cell.ratio),
                    interval=interval_text(cell.ratio),
                    verdict=verdict_text(cell.ratio, cell.headline.unit),
                    rounds=len(cell.headline.values),
                )
