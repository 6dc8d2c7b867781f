"""Charts as data: the page draws them when a reader asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.api import Chart
from harness.model import CellRecord, MetricSummary, RowId, RowSummary, ScenarioCard
from harness_reports.cell_view import samples_of
from harness_reports.figures import format_figure
from harness_reports.pairs_grid import has_pairs
from harness_reports.safe_text import clean
from harness_reports.sweep_table import Sweep, find_distribution, find_sweeps
from harness_reports.value_table import is_table

from .anchors import row_anchor

SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_MOST_POINTS_IN_WORDS = 20
Records = Mapping[tuple[RowId, str], Sequence[CellRecord]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A backend: x, y, and the least and the most of the rounds."""

    label: str
    points: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines over a parameter or over names."""

    row: str
    """Fragment of the row that it is about; empty if it is about several."""
    title: str
    words: str
    """Its content for a reader who does not see it."""
    unit: str
    series: tuple[Series, ...]
    x: str = ""
    x_unit: str = ""
    names: tuple[str, ...] | None = None
    is_distribution: bool = False


def draw_spreads(rows: Sequence[RowSummary]) -> Iterator[LineChart]:
    """Yield for each row of a scenario with percentiles a chart of them, from the median to the largest."""
    alone = [row for row in rows if not has_pairs(row)]
    keys = find_distribution(alone)
    for row in alone:
        series = [
            (
                cell.label,
                [(float(place), cell.metrics[key]) for place, key in enumerate(keys.values()) if key in cell.metrics],
            )
            for cell in row.cells
        ]
        if len(keys) > 1 and any(points for _, points in series):
            unit = next(points[0][1].unit for _, points in series if points)
            yield _make_chart(
                f"{clean(row.row)}: {clean(row.headline.rpartition(' ')[0])} from the median to the largest",
                series,
                unit,
                row=row_anchor(row.row),
                names=tuple(keys),
            )


def draw_growth(rows: Sequence[RowSummary]) -> Iterator[LineChart]:
    """Yield a chart for each parameter that rows of a scenario differ in alone."""
    for sweep in find_sweeps([row for row in rows if not has_pairs(row)]):
        key = list(sweep.keys.values())[-1]
        labels = dict.fromkeys(cell.label for _, row in sweep.rows for cell in row.cells)
        series = [(label, list(_points_of(sweep, label, key))) for label in labels]
        if any(len(points) > 1 for _, points in series):
            unit = next(points[0][1].unit for _, points in series if points)
            yield _make_chart(sweep.title.plain, series, unit, x=clean(sweep.parameter))


def draw_tables(rows: Sequence[RowSummary], card: ScenarioCard, records: Records) -> Iterator[LineChart]:
    """Yield the charts that a scenario declares of tables that it observes."""
    for row in rows:
        for chart in card.charts:
            found = {cell.label: list(_read_table(chart, records.get((row.row, cell.label), ()))) for cell in row.cells}
            if len({x for points in found.values() for x, _ in points}) > 1:
                unit = chart.y_unit or str(getattr(card.judges.get(chart.y), "unit", ""))
                factor, name = SECONDS.get(unit, 1.0), "s" if unit in SECONDS else unit
                yield LineChart(
                    row=row_anchor(row.row),
                    title=f"{clean(chart.title)}: {clean(row.row)}",
                    words=", ".join(
                        f"{clean(label)} {format_figure(x, clean(chart.x_unit))} {format_figure(y, clean(unit))}"
                        for label, points in found.items()
                        for x, y in points[:: len(points) // _MOST_POINTS_IN_WORDS + 1]
                    ),
                    unit=name,
                    is_distribution=chart.is_distribution,
                    x=clean(chart.x_label),
                    x_unit=clean(chart.x_unit),
                    series=tuple(
                        Series(label=clean(label), points=tuple((x, y * factor) for x, y in points))
                        for label, points in found.items()
                        if points
                    ),
                )


def _read_table(chart: Chart, records: Sequence[CellRecord]) -> Iterator[tuple[float, float]]:
    """Yield x and y of each point, of the first round only: a chart shows one curve for each backend."""
    for record in records[:1]:
        for table in filter(is_table, samples_of(record).get(chart.key, ())):
            for line in table:
                x, y = line.get(chart.x), line.get(chart.y)
                if isinstance(x, (int, float)) and isinstance(y, (int, float)):
                    yield float(x), float(y)


def _points_of(sweep: Sweep, label: str, key: str) -> Iterator[tuple[float, MetricSummary]]:
    for value, row in sweep.rows:
        for cell in row.cells:
            if cell.label == label and key in cell.metrics:
                yield value, cell.metrics[key]


def _make_chart(
    title: str,
    series: Iterable[tuple[str, list[tuple[float, MetricSummary]]]],
    unit: str,
    *,
    row: str = "",
    x: str = "",
    names: tuple[str, ...] | None = None,
) -> LineChart:
    kept = [(label, points) for label, points in series if points]
    return LineChart(
        row=row,
        title=title,
        words=". ".join(
            f"{clean(label)}: "
            + ", ".join(
                f"{names[int(at)] if names else f'{at:g}'} {format_figure(metric.median, clean(metric.unit))}"
                for at, metric in points
            )
            for label, points in kept
        ),
        unit="s" if unit in SECONDS else clean(unit),
        series=tuple(
            Series(label=clean(label), points=tuple(_span(at, metric) for at, metric in points))
            for label, points in kept
        ),
        x=x,
        names=names,
    )


def _span(at: float, metric: MetricSummary) -> tuple[float, ...]:
    factor = SECONDS.get(metric.unit, 1.0)
    return (at, metric.median * factor, min(metric.values) * factor, max(metric.values) * factor)
