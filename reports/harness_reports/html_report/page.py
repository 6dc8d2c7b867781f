"""The page as a whole: the first screen as HTML, everything else as data that a script draws on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.model import Comparison, RenderOptions, Run, format_value
from harness_reports.backend_summary import Standing, count_rows, is_differing, summarise_backends
from harness_reports.grid import make_footnotes, places_of_variants
from harness_reports.header import describe_extent, describe_machine, describe_noise, render_repeats, render_self_check
from harness_reports.safe_text import clean, clean_lines, shorten
from harness_reports.verdict import make_verdict, tone_of

from .findings import place_findings
from .heatmap import make_heatmaps
from .inline import hash_of, wrap
from .page_data import PageData, collect_data, encode_data
from .sentences import RunSentences

_ROOM = 2_800_000
"""Bytes of a page; details of cells that do not fit are left out, with the command that shows them."""
_SCRIPTS = ("elements.js", "query.js", "details.js", "advice.js", "page.js")
_FACT_LENGTH = 300
_MOST_FINDINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A search that many readers want, with the number of its rows."""

    text: str
    query: str
    count: int


def render_html(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return a run and its comparison as one self-contained HTML file; equal runs give equal text."""
    columns = columns_of(run, comparison)
    data = collect_data(run, comparison, columns, options)
    findings = place_findings(comparison)
    script = _script()
    page = (
        environment()
        .get_template("page.html")
        .render(
            **_heading(run, comparison),
            script=Markup(script),  # noqa: S704 - our own files
            script_hash=hash_of(script),
            backends=summarise_backends(run, comparison),
            standings=Standing,
            heatmaps=make_heatmaps(run, comparison, columns),
            sentences=RunSentences(run, comparison).first_screen(),
            chips=list(_chips(comparison, data)),
            findings=findings.views[: min(findings.unexpected, _MOST_FINDINGS)],
            unavailable=[view for view in findings.views if view.kind in ("unavailable", "invalid environment")],
            unexpected=findings.unexpected,
            not_run=[line.removeprefix("– ") for line in make_footnotes(comparison)],
            environment=_facts(run.started.environment),
            request=_facts(_request_of(run)),
            data=Markup("\x02"),  # replaced below: the engine would read megabytes for nothing
        )
    )
    encoded = encode_data(data, _ROOM - len(page.encode(errors="replace")))
    return f"{page}\n".replace("\x02", encoded, 1)


def columns_of(run: Run, comparison: Comparison) -> list[str]:
    """Return the backends that have a column: those of squares that are no idiom, and both sides of pairs."""
    variants = places_of_variants(run.started.plan)
    used = {label for row in comparison.rows for cell in row.cells for label in (cell.label, *cell.roles)}
    asked = [card.label for card in run.started.backends if card.label not in variants]
    rest = [label for label in comparison.labels if label not in variants and "+client=" not in label]
    return [label for label in dict.fromkeys((*asked, *rest)) if label in used]


def _heading(run: Run, comparison: Comparison) -> dict[str, Any]:
    return {
        "run_id": clean(comparison.run_id),
        "started_at": clean(run.started.started_at),
        "extent": describe_extent(run, comparison),
        "machine": describe_machine(run),
        "note": "" if comparison.incomplete else clean(comparison.note),
        "resume": f"harness resume {clean(run.started.run_id)}" if comparison.incomplete else "",
        "noise": describe_noise(run),
        "verdict": make_verdict(comparison),
        "tone": tone_of(comparison).value,
        "self_check": comparison.self_check and render_self_check(comparison.self_check).plain,
        "self_check_failed": bool(comparison.self_check and comparison.self_check.failed),
        "repeats": comparison.repeats and render_repeats(comparison.repeats).plain,
        "repeats_unequal": bool(comparison.repeats and comparison.repeats.unequal),
        "reference": clean(comparison.reference),
    }


def _chips(comparison: Comparison, data: PageData) -> Iterator[Chip]:
    """Yield the chips that lead to something."""
    if len(data.columns) > 1:
        first, second = data.columns[:2]
        yield Chip(text=f"{first} × {second}", query=f"{first} against {second}", count=0)
    hanging = sum(any("hang" in cell["tags"] for cell in row["cells"]) for row in data.rows)
    for text, query, count in (
        ("bugs", "bug", count_rows(comparison, Standing.BUG) + count_rows(comparison, Standing.DIFFERENCE)),
        ("hangs", "hang", hanging),
        ("can hurt", "differences can hurt", _count_hurting(data)),
        ("known", "known", count_rows(comparison, Standing.KNOWN)),
        ("by design", "by design", count_rows(comparison, Standing.BY_DESIGN)),
        ("differing", "differs", sum(map(is_differing, comparison.rows))),
        ("figures", "figures", sum(row["k"] == "figure" for row in data.rows)),
        ("not measured", "not measured", count_rows(comparison, Standing.NOT_MEASURED)),
        ("not finished", "not finished", count_rows(comparison, Standing.NOT_FINISHED)),
        ("latency spread", "latency", len(data.spread_rows)),
        ("cost over N", "growth", len(data.growth)),
        ("changes", "changes", len(data.changes["lines"])),
    ):
        if count or text == "not measured":
            yield Chip(text=text, query=query, count=count)


def _count_hurting(data: PageData) -> int:
    differing = ("bug", "difference", "known", "by design")
    hurting = {"hang", "crash", "leak", "data", "server"}
    return sum(any(c["st"] in differing and hurting.intersection(c["tags"]) for c in row["cells"]) for row in data.rows)


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            flat += [(f"{name}: {key}", str(item)) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            flat.append((name, ", ".join(map(str, value))))
        elif value is not None and value != "":
            flat.append((name, format_value(value)))
    return [(clean(name), shorten(clean(value), _FACT_LENGTH)) for name, value in flat]


def _request_of(run: Run) -> dict[str, Any]:
    return {
        name: value
        for name, value in msgspec.structs.asdict(run.started.request).items()
        if value not in ((), False, 0)
    }


@cache
def environment() -> Environment:
    """Return the template engine; it escapes and cleans whatever a template prints."""
    engine = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    engine.globals["source"] = lambda name: Markup(source(name))  # noqa: S704 - our own files
    return engine


def _printable(value: object) -> object:
    """Make whatever a template prints safe to read; escaping comes after it."""
    if isinstance(value, Markup | int | float):
        return value
    return "\n".join(clean_lines(value))


def source(name: str) -> str:
    """Return a style sheet or a script that is part of this package."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]


@cache
def _script() -> str:
    """Return the script of the page; strict, and in a scope of its own."""
    data = 'const data = JSON.parse(document.getElementById("data").textContent);'
    return wrap(data, *map(source, _SCRIPTS))
