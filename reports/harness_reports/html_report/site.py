"""A static site of several runs: the list, charts over runs and over versions, and a page for each runtime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from harness.model import FigureSeries, Finding, Site, make_file_name
from harness_reports.backend_summary import backends_of, summarise_backends
from harness_reports.figures import format_count
from harness_reports.grid import places_of_variants
from harness_reports.safe_text import clean, shorten

from .charts import SECONDS, LineChart, Series
from .inline import embed, hash_of, wrap
from .page import columns_of, environment, source
from .page_data import list_lacking
from .sentences import RunSentences

INDEX, TRENDS = "index.html", "trends.html"
_LONG = 400
_TONES = {"nothing unexpected": "ok", "incomplete": "odd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChart:
    """A chart of a row, with its steps in words."""

    chart: LineChart
    steps: tuple[str, ...]


def render_site(site: Site) -> dict[str, str]:
    """Return the pages of a site by file name; those of the runs lie beside them."""
    columns = columns_of(site.run, site.comparison)
    runtimes = {label: f"runtime-{make_file_name(label)}.html" for label in columns}
    shared = {"runtimes": runtimes, "latest": site.latest, "clean": clean}
    over_runs = list(_charts(site.over_runs, [run.name for run in site.runs]))
    over_environments = list(_charts(site.over_environments, []))
    pages = {
        INDEX: _render("index.html", title="runs", runs=_lines(site), steps=_steps(site), **shared),
        TRENDS: _render(
            "trends.html",
            title="trends",
            script=_script(columns_of_series(site), over_runs, over_environments),
            **shared,
        ),
    }
    for label, file in runtimes.items():
        pages[file] = _render("runtime.html", title=label, **_facts_of(label, site), **shared)
    return pages


def _render(template: str, **values: Any) -> str:
    script = values.pop("script", "")
    page = environment().get_template(f"site/{template}")
    return page.render(script=Markup(script), script_hash=hash_of(script), **values) + "\n"  # noqa: S704 - our own files


def columns_of_series(site: Site) -> list[str]:
    """Return the backends of all series, those of the latest run first: each has a colour."""
    labels = (series.label for series in (*site.over_runs, *site.over_environments))
    return list(dict.fromkeys((*columns_of(site.run, site.comparison), *labels)))


def _lines(site: Site) -> list[tuple[Any, str]]:
    return [(run, _TONES.get(run.verdict, "bad")) for run in reversed(site.runs)]


def _steps(site: Site) -> list[tuple[str, str, str]]:
    """Return the steps of all figures, the largest first: row, backend, text."""
    found = [(series, step) for series in site.over_runs for step in series.steps]
    found.sort(key=lambda each: -abs(each[1].ratio - 1))
    return [(clean(series.row), clean(series.label), clean(step.text)) for series, step in found]


def _charts(several: Iterable[FigureSeries], places: Sequence[str]) -> Iterator[TrendChart]:
    """Yield a chart for each row that has a figure in two places or more."""
    by_row: dict[tuple[str, str], list[FigureSeries]] = {}
    for series in several:  # versions are those of one backend: each has a chart of its own over them
        by_row.setdefault((series.row, "" if places else series.label), []).append(series)
    for (row, _), members in by_row.items():
        names = list(places) or list(dict.fromkeys(point.place for series in members for point in series.points))
        used = [name for name in names if any(point.place == name for series in members for point in series.points)]
        if len(used) > 1:
            steps = tuple(clean(f"{series.label}: {step.text}") for series in members for step in series.steps)
            yield TrendChart(chart=_chart(row, members, used), steps=steps)


def _chart(row: str, members: Sequence[FigureSeries], names: Sequence[str]) -> LineChart:
    first = members[0]
    factor = SECONDS.get(first.unit, 1.0)
    series = tuple(
        Series(
            label=clean(each.label),
            points=tuple(
                (float(names.index(p.place)), p.median * factor, p.low * factor, p.high * factor) for p in each.points
            ),
        )
        for each in members
    )
    words = "; ".join(
        f"{clean(each.label)}: {', '.join(f'{clean(p.place)} {p.median:.4g}' for p in each.points)}" for each in members
    )
    return LineChart(
        row="",
        title=clean(f"{row}: {first.key}, {first.unit}, {first.better} is better"),
        words=shorten(words, _LONG * 4),
        unit="s" if first.unit in SECONDS else clean(first.unit),
        series=series,
        names=tuple(map(clean, names)),
    )


def _script(columns: Sequence[str], *charts: Sequence[TrendChart]) -> str:
    """Return the script of the charts, with their data; it is strict, and in a scope of its own."""
    data = {"columns": list(map(clean, columns)), "runs": charts[0], "environments": charts[1]}
    return wrap(f"const data = {embed(data)};", *map(source, ("elements.js", "trends.js")))


def _facts_of(label: str, site: Site) -> Mapping[str, Any]:
    variants = {name: column for name, (column, _) in places_of_variants(site.run.started.plan).items()}
    card = next((card for card in site.run.started.backends if card.label == label), None)
    line = next((line for line in summarise_backends(site.run, site.comparison) if line.label == label), None)
    own = {cell.label for row in site.comparison.rows for cell in row.cells if label in backends_of(cell, variants)}
    mine = [finding for finding in site.comparison.findings if own.intersection(finding.backends)]
    return {
        "label": clean(label),
        "summary": clean(card.summary) if card else "",
        "cost": line.cost_text if line else "",
        "sentences": [
            (sentence.text, f"{site.latest.page}#{urlencode({'q': sentence.query})}" if sentence.query else "")
            for sentence in RunSentences(site.run, site.comparison).about(label)
        ],
        "bugs": _findings(each for each in mine if each.unexpected),
        "known": _findings(each for each in mine if each.known),
        "facts": list_lacking(card) if card else [],
    }


def _findings(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Return rows, answer and reason of findings; those of one cause once."""
    by_cause: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        text = ", ".join(finding.values) or finding.title
        by_cause.setdefault((text, finding.known or finding.reason), []).append(str(finding.row))
    return [
        (
            clean(rows[0]) + (f" and {format_count(len(rows) - 1, 'more row')}" if len(rows) > 1 else ""),
            clean(text),
            clean(why),
        )
        for (text, why), rows in by_cause.items()
    ]
