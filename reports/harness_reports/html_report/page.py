"""The page as a whole."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.model import Comparison, RenderOptions, Run, format_value
from harness_reports.grid import make_footnotes
from harness_reports.header import describe_extent, describe_machine, describe_noise, render_repeats, render_self_check
from harness_reports.root_cause_lines import describe_root_causes
from harness_reports.safe_text import clean, clean_lines, shorten
from harness_reports.verdict import make_verdict, tone_of

from .findings import view_findings
from .matrix import make_matrix
from .overview import glance_at, has_speed
from .sections import SectionView, view_sections

_ROOM = 2_800_000
"""Characters of a page; details of cells that do not fit are left out, with the command that shows them."""
_SLOT = re.compile("\x02([^\x02]+)\x02")
"""Where the details of a cell go. Nothing else in a page can have this character: no text keeps it."""
_FACT_LENGTH = 300
_ADDRESS = re.compile(r"(https?://[^\s<>\"']+[^\s<>\"'.,;:)])")


def render_html(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return a run and its comparison as one self-contained HTML file; equal runs give equal text."""
    matrix = make_matrix(run, comparison)
    rest = [label for label in comparison.labels if label not in matrix.columns]
    labels = [*matrix.columns, *rest]
    backends = list(
        dict.fromkeys((*matrix.columns, *(card.label for card in run.started.backends if _asked(run, card.label))))
    )
    sections = view_sections(run, comparison, labels, options)
    environment = _environment()
    page = environment.get_template("page.html").render(
        run_id=clean(comparison.run_id),
        started_at=clean(run.started.started_at),
        extent=describe_extent(run, comparison),
        machine=describe_machine(run),
        note="" if comparison.incomplete else clean(comparison.note),
        resume=f"harness resume {clean(run.started.run_id)}" if comparison.incomplete else "",
        noise=describe_noise(run),
        verdict=make_verdict(comparison),
        tone=tone_of(comparison).value,
        self_check=comparison.self_check and render_self_check(comparison.self_check).plain,
        repeats=comparison.repeats and render_repeats(comparison.repeats).plain,
        repeats_unequal=bool(comparison.repeats and comparison.repeats.unequal),
        self_check_failed=bool(comparison.self_check and comparison.self_check.failed),
        reference=clean(comparison.reference),
        glances=glance_at(comparison, backends),
        has_speed=has_speed(comparison.rows),
        not_run=[line.removeprefix("– ") for line in make_footnotes(comparison)],
        matrix=matrix,
        findings=view_findings(comparison),
        root_causes=list(describe_root_causes(comparison)),
        measured=[section for section in sections if not section.family],
        families=_families(sections),
        slot=lambda anchor: Markup(f"\x02{anchor}\x02"),  # noqa: S704 - made of safe characters
        environment=_facts(run.started.environment),
        backends=run.started.backends,
        request=_facts(_request_of(run)),
    )
    details = _fitting(sections, environment, _ROOM - len(page))
    return _SLOT.sub(lambda slot: details[slot[1]], f"{page}\n")


def _asked(run: Run, label: str) -> bool:
    return label not in {str(spec) for spec in run.started.plan.variants}


def _families(sections: list[SectionView]) -> dict[str, list[SectionView]]:
    families: dict[str, list[SectionView]] = {}
    for section in sections:
        if section.family:
            families.setdefault(section.family, []).append(section)
    return families


def _fitting(sections: list[SectionView], environment: Environment, room: int) -> dict[str, str]:
    """Return the details of cells by fragment, as many as there is room for: first those with something wrong."""
    module: Any = environment.get_template("cell.html").module
    cells = [cell for section in sections for row in section.rows for cell in row.cells]
    fitting: dict[str, str] = {}
    for cell in sorted(cells, key=lambda cell: -cell.weight):
        text = str(module.cell_details(cell)) if room > 0 else ""
        room -= len(text)
        fitting[cell.square.anchor] = text if room > 0 else str(module.no_room(cell))
    return fitting


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
    import msgspec

    return {
        name: value
        for name, value in msgspec.structs.asdict(run.started.request).items()
        if value not in ((), False, 0)
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals |= {"source": _source, "digest": _digest}
    environment.filters["linked"] = _linked
    return environment


def _printable(value: object) -> object:
    """Make whatever a template prints safe to read; escaping comes after it."""
    if isinstance(value, Markup | int | float):
        return value
    return "\n".join(clean_lines(value))


def _linked(text: str) -> Markup:
    """Return a text whose web addresses are links; everything else in it is escaped."""
    parts = _ADDRESS.split(clean(text))
    made = Markup("")
    for index, part in enumerate(parts):
        made += Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(part) if index % 2 else part
    return made


def _source(name: str) -> Markup:
    """Return a style sheet or a script that is part of this package."""
    loader = _environment().loader
    assert loader is not None
    return Markup(loader.get_source(_environment(), name)[0])  # noqa: S704 - our own file


def _digest(name: str) -> str:
    """Return the hash by which the content policy of the page allows a script of this package, and no other one."""
    return f"sha256-{b64encode(sha256(_source(name).encode()).digest()).decode()}"
