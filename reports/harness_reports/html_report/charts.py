"""Charts as inline SVG, drawn by Vega-Lite when the page is made: no script runs in the reader's browser.

Colours are variables of the page's style sheet, so a chart follows light and dark. A backend has a colour and a shape,
and the figures stand in a table beside each chart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.api import Chart
from harness.model import Comparison, MetricSummary, RowSummary
from harness_reports.figures import format_figure
from harness_reports.grid import name_rows
from harness_reports.pairs_grid import has_pairs
from harness_reports.safe_text import clean, shorten
from harness_reports.sweep_table import Sweep

_WIDTH = 400
_PANEL_WIDTH = 170
_MOST_PANELS = 4
"""Beside each other."""
_ROW_STEP = 24
_INTERVAL_STEP = 11
_NAME_LENGTH = 34
_NAME_WIDTH = 230
_CHARACTER_WIDTH = 6.8
_TITLE_LENGTH = 70
_MOST_ROWS = 24
_MOST_TICKS = 7
_LOG_FROM = 6
"""From this factor between the largest and the smallest figure on, the axis is logarithmic."""
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_MARGIN = 0.03
"""Differences of less than this are no reason to choose a runtime."""
_SHORT = "format(datum.value, '~s')"
"""Each tick with its own prefix; as a plain format, all would have that of the largest."""

Spec = dict[str, Any]


def draw_figures(rows: Sequence[RowSummary], labels: Sequence[str]) -> Markup | None:
    """Draw the headline of each row and backend as a dot; a line from the least to the most of the rounds."""
    points: list[dict[str, Any]] = []
    shown = [row for row in rows if not has_pairs(row) and any(cell.headline for cell in row.cells)][:_MOST_ROWS]
    for row, name in zip(shown, _names_of(shown), strict=True):
        points += [
            {"row": name, "backend": shorten(clean(cell.label), _NAME_LENGTH), **_span(cell.headline)}
            for cell in row.cells
            if cell.headline is not None and cell.label in labels
        ]
    if len({point["backend"] for point in points}) < 2 and len(points) < 2:
        return None
    headline = next(cell.headline for cell in shown[0].cells if cell.headline)
    title = f"{shown[0].headline}, {headline.better} is better"
    x = {"field": "value", "type": "quantitative", **_axis(headline.unit, title, _numbers_of(points))}
    layers: list[Spec] = [{"mark": {"type": "point", "filled": True, "size": 65, "opacity": 0.9}, "encoding": {"x": x}}]
    if any(point["low"] != point["high"] for point in points):
        whisker = {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "shape": None}
        layers.insert(0, {"mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.6}, "encoding": whisker})
    encoding = {"y": _rows_axis(points), **_backend_encoding(points, labels)}
    return _draw(
        {"data": {"values": points}, "width": _WIDTH, "height": {"step": _ROW_STEP}, "layer": layers}, encoding
    )


def draw_ratios(rows: Sequence[RowSummary], labels: Sequence[str], reference: str) -> Markup | None:
    """Draw each ratio that has an interval as a dot with whiskers; factors within the margin are shaded."""
    points: list[dict[str, Any]] = []
    shown = [row for row in rows if any(c.ratio and c.ratio.low is not None for c in row.cells)][:_MOST_ROWS]
    for row, name in zip(shown, _names_of(shown), strict=True):
        for cell in row.cells:
            ratio = cell.ratio
            if ratio is None or ratio.ratio is None or ratio.low is None or ratio.high is None:
                continue
            backend = shorten(clean(cell.label), _NAME_LENGTH)
            points.append({"row": name, "backend": backend, "value": ratio.ratio, "low": ratio.low, "high": ratio.high})
    if not points or any(point["low"] <= 0 for point in points):
        return None
    title = f"factor of {clean(reference)}'s; shaded: no difference that matters"
    domain = _ratio_domain(points)
    scale = {"type": "log", "nice": False, "domain": domain}
    axis = {"title": title, "values": _ratio_ticks(domain), "format": "~g"}
    x = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis}
    offset = {"yOffset": {"field": "backend", "type": "nominal", "sort": _order(points, labels)}}
    own = {"y": _rows_axis(points), **offset, **_backend_encoding(points, labels)}
    band = {"data": {"values": [{"from": 1 / (1 + _MARGIN), "to": 1 + _MARGIN}]}}
    layers: list[Spec] = [
        {
            **band,
            "mark": {"type": "rect", "color": "var(--line)", "opacity": 0.7},
            "encoding": {"x": {**x, "field": "from"}, "x2": {"field": "to"}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 1.5},
            "encoding": {**own, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "shape": None},
        },
        {"mark": {"type": "point", "filled": True, "size": 45}, "encoding": {**own, "x": x}},
    ]
    height = {"step": _INTERVAL_STEP, "for": "offset"}
    return _draw({"data": {"values": points}, "width": _WIDTH, "height": height, "layer": layers}, {})


def draw_sweep(sweep: Sweep, labels: Sequence[str]) -> Markup | None:
    """Draw figures against the parameter that is swept, a panel for each percentile."""
    points: list[dict[str, Any]] = []
    units = {}
    for value, row in sweep.rows:
        for cell in row.cells:
            for name, key in sweep.keys.items():
                metric = cell.metrics.get(key)
                if metric is not None:
                    units[key] = metric.unit
                    backend = shorten(clean(cell.label), _NAME_LENGTH)
                    points.append({"x": value, "backend": backend, "panel": name or clean(key), **_span(metric)})
    if len({point["x"] for point in points}) < 2:
        return None
    return _draw_lines(points, labels, clean(sweep.parameter), next(iter(units.values())), list(sweep.keys))


def draw_distribution(rows: Sequence[RowSummary], keys: Mapping[str, str], labels: Sequence[str]) -> Markup | None:
    """Draw the percentiles of a latency, `name → observation key`, a panel for each row."""
    points: list[dict[str, Any]] = []
    unit = ""
    for row, panel in zip(rows, _names_of(rows), strict=True):
        for cell in row.cells:
            for name, key in keys.items():
                metric = cell.metrics.get(key)
                if metric is not None:
                    unit = metric.unit
                    backend = shorten(clean(cell.label), _NAME_LENGTH)
                    points.append({"x": name, "backend": backend, "panel": panel, **_span(metric)})
    if len({point["x"] for point in points}) < 2:
        return None
    x = {"field": "x", "type": "ordinal", "sort": list(keys), "axis": {"title": None, "labelAngle": 0, "grid": True}}
    return _draw_panels(points, labels, x, unit, list(dict.fromkeys(point["panel"] for point in points)))


def draw_table(
    chart: Chart, lines: Iterable[tuple[str, float, float]], labels: Sequence[str], unit: str
) -> Markup | None:
    """Draw a table that a scenario observed, `(backend, x, y)`, as a line for each backend.

    Args:
        chart: as the scenario declares it.
        lines: of the table.
        labels: the columns of the page; decides colours and shapes.
        unit: of `y`.
    """
    factor = _SECONDS.get(unit, 1.0)
    points = [
        {"x": x, "backend": shorten(clean(label), _NAME_LENGTH), "panel": "", "value": y * factor}
        for label, x, y in lines
    ]
    if len({point["x"] for point in points}) < 2:
        return None
    axis = f"{clean(chart.x_label)}, {clean(chart.x_unit)}" if chart.x_unit else clean(chart.x_label)
    return _draw_lines(points, labels, axis, unit, [""])


def _draw_lines(
    points: list[dict[str, Any]], labels: Sequence[str], parameter: str, unit: str, panels: Sequence[str]
) -> Markup | None:
    xs = sorted({point["x"] for point in points})
    title = shorten(parameter, _NAME_LENGTH)
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {**_scale_of(xs), "padding": 12},
        "axis": {
            "title": title,
            "values": xs if len(xs) <= _MOST_TICKS else None,
            "labelExpr": _SHORT,
            "labelOverlap": True,
        },
    }
    return _draw_panels(points, labels, x, unit, panels)


def _draw_panels(
    points: list[dict[str, Any]], labels: Sequence[str], x: Spec, unit: str, panels: Sequence[str]
) -> Markup | None:
    y = {"field": "value", "type": "quantitative", **_axis(unit, "", _numbers_of(points))}
    unit_spec = {
        "width": _PANEL_WIDTH if len(panels) > 1 else _WIDTH,
        "height": 190,
        "mark": {"type": "line", "point": {"filled": True, "size": 45}, "strokeWidth": 1.8},
        "encoding": {"x": x, "y": y, **_backend_encoding(points, labels)},
    }
    data = {"values": points}
    if len(panels) == 1:
        return _draw({"data": data, **unit_spec}, {})
    order = [panel for panel in panels if any(point["panel"] == panel for point in points)]
    header = {"title": None, "labelFontWeight": "bold", "labelLimit": _PANEL_WIDTH}
    facet = {"field": "panel", "type": "nominal", "sort": order, "header": header}
    panes = {"facet": facet, "columns": _MOST_PANELS, "spec": unit_spec, "spacing": 14}
    return _draw({"data": data, **panes}, {})


def _draw(spec: Spec, encoding: Spec) -> Markup | None:
    try:
        import vl_convert  # starts a JavaScript engine: only where a chart is drawn
    except ImportError:  # it is compiled, and a platform may lack a wheel of it; the tables say the same
        return None
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "padding": 4,
        "config": _CONFIG,
        **spec,
        **({"encoding": encoding} if encoding else {}),
    }
    svg: str = vl_convert.vegalite_to_svg(whole)
    # The element around it describes the chart in words. The engine escapes every text that it writes.
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S704


def _backend_encoding(points: Iterable[dict[str, Any]], labels: Sequence[str]) -> Spec:
    domain = _order(points, labels)
    numbers = [_number_of(name, labels) for name in domain]
    legend = {"title": None, "orient": "top", "symbolSize": 70, "columns": 5, "labelLimit": 150}
    colours = [f"var(--series-{number % len(_SHAPES) + 1})" for number in numbers]
    shapes = [_SHAPES[number % len(_SHAPES)] for number in numbers]
    return {
        "color": {
            "field": "backend",
            "type": "nominal",
            "scale": {"domain": domain, "range": colours},
            "legend": legend,
        },
        "shape": {
            "field": "backend",
            "type": "nominal",
            "scale": {"domain": domain, "range": shapes},
            "legend": legend,
        },
    }


def _order(points: Iterable[dict[str, Any]], labels: Sequence[str]) -> list[str]:
    found = dict.fromkeys(point["backend"] for point in points)
    return sorted(found, key=lambda name: _number_of(name, labels))


def _number_of(name: str, labels: Sequence[str]) -> int:
    names = [shorten(clean(label), _NAME_LENGTH) for label in labels]
    return names.index(name) if name in names else len(names)


def _rows_axis(points: Iterable[dict[str, Any]]) -> Spec:
    # The reader's font may be wider than that which the engine measures with.
    extent = min(_CHARACTER_WIDTH * max(len(point["row"]) for point in points), _NAME_WIDTH)
    axis = {
        "title": None,
        "labelLimit": _NAME_WIDTH,
        "minExtent": extent,
        "ticks": False,
        "domain": False,
        "grid": True,
    }
    return {"field": "row", "type": "nominal", "sort": None, "axis": axis}


def _axis(unit: str, title: str, numbers: Sequence[float]) -> Spec:
    # Only these units are written into an expression; a unit that a scenario invents goes into the title as text.
    suffix = "s" if unit in _SECONDS else "/s" if unit == "1/s" else ""
    label = {"labelExpr": f"{_SHORT} + '{suffix}'"}
    shown = title if suffix else f"{title} ({clean(unit)})" if title else clean(unit)
    axis: Spec = {"title": shorten(clean(shown), _TITLE_LENGTH) or None, "labelOverlap": True, **label}
    scale = _scale_of(numbers)
    if scale["type"] != "linear":
        axis["values"] = _decades(min(number for number in numbers if number > 0), max(numbers))
    return {"scale": {**scale, "padding": 10}, "axis": {"tickCount": 5, **axis}}


def _scale_of(numbers: Sequence[float]) -> Spec:
    positive = [number for number in numbers if number > 0]
    if not positive or min(numbers) < 0 or max(positive) / min(positive) < _LOG_FROM:
        return {"type": "linear", "zero": False, "nice": False}
    if len(positive) == len(numbers):
        return {"type": "log", "nice": False}
    return {"type": "symlog", "constant": min(positive), "nice": False}


def _decades(least: float, most: float) -> list[float]:
    """Return round numbers between two, of each decade as many as there is room for."""
    decades = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if least * 0.95 <= tick <= most * 1.05]
        if len(ticks) <= _MOST_TICKS:
            return ticks
    return ticks


def _span(metric: MetricSummary) -> dict[str, float]:
    factor = _SECONDS.get(metric.unit, 1.0)
    return {
        "value": metric.median * factor,
        "low": min(metric.values) * factor,
        "high": max(metric.values) * factor,
    }


def _numbers_of(points: Iterable[dict[str, Any]]) -> list[float]:
    keys = ("value", "low", "high")
    return [point[key] for point in points for key in keys if key in point]


def _names_of(rows: Sequence[RowSummary]) -> list[str]:
    return name_rows([dict(row.row.parameters) for row in rows])


def _ratio_domain(points: Sequence[dict[str, Any]]) -> list[float]:
    least = min(1 / (1 + 2 * _MARGIN), *(point["low"] for point in points))
    most = max(1 + 2 * _MARGIN, *(point["high"] for point in points))
    return [least / 1.06, most * 1.06]


def _ratio_ticks(domain: Sequence[float]) -> list[float]:
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20, 50, 100, 200, 500)
    ticks = [step for step in steps if domain[0] <= step <= domain[1]]
    return ticks if len(ticks) <= 9 else [tick for tick in ticks if tick in (0.01, 0.1, 0.5, 1, 2, 5, 10, 50, 100, 500)]


_INK = "var(--soft)"
_CONFIG: Spec = {
    "aria": False,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "gridColor": "var(--line)",
        "tickColor": "var(--line)",
        "domainColor": "var(--line)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "legend": {"symbolOpacity": 1, "labelColor": "var(--ink)", "labelFontSize": 11},
    "header": {"labelColor": "var(--ink)", "labelFontSize": 11},
}


def describe_figures(rows: Sequence[RowSummary], comparison: Comparison) -> str:
    """Describe a chart of figures in words, for readers who cannot see it."""
    sentences = []
    for row, name in zip(rows, _names_of(rows), strict=True):
        figures = [
            f"{clean(cell.label)} {format_figure(cell.headline.median, clean(cell.headline.unit))}"
            for cell in row.cells
            if cell.headline is not None and cell.label in comparison.labels
        ]
        if figures:
            sentences.append(f"{name}: {', '.join(figures)}")
    return ". ".join(sentences[:_MOST_ROWS])
