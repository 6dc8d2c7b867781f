"""The last screen of the terminal report: what was run, each backend on a line, the verdict, and what to type next."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.model import Comparison, RenderOptions, Run

from .backend_summary import BackendSummary, Standing, count_rows, is_differing, summarise_backends
from .console import fill_lines
from .figures import format_count
from .safe_text import clean, shorten
from .verdict import Tone, make_verdict, tone_of

COLOURS = {Tone.FINE: "bold green", Tone.OPEN: "bold yellow", Tone.BAD: "bold red"}
SYMBOLS = {Tone.FINE: "✓", Tone.OPEN: "?", Tone.BAD: "✗"}
_BARS = "▁▂▃▄▅▆▇█"
_MOST_NAME = 24
_MOST_AREAS = 4
_WIDE = 96
_SEE = "see  "


def render_summary(run: Run, comparison: Comparison, options: RenderOptions) -> Iterator[RenderableType]:
    """Yield the summary; the verdict stands last but for the commands that lead on."""
    backends = summarise_backends(run, comparison)
    yield _headline(run, comparison, len(backends))
    if backends:
        yield Text()
        yield _make_table(backends, options.width)
        yield Text()
    yield from (Text(line, style="dim") for line in fill_lines(_counts(comparison), options.width))
    yield Text.assemble((f"{SYMBOLS[tone_of(comparison)]} ", COLOURS[tone_of(comparison)]), render_verdict(comparison))
    yield from render_notices(run, comparison, options)
    yield from (Text(line, style="dim") for line in _commands(run, comparison, backends, options))


def render_verdict(comparison: Comparison) -> Text:
    """Return the verdict in the colour of its tone."""
    return Text(make_verdict(comparison), style=COLOURS[tone_of(comparison)])


def render_notices(run: Run, comparison: Comparison, options: RenderOptions) -> Iterator[Text]:
    """Yield how an incomplete run is continued, and which cells the way of their start changed."""
    if comparison.incomplete:
        yield Text(f"to continue: harness resume {_name_of(comparison.run_id, options)}", style="yellow")
    for record in run.records:
        if record.result.differs_by_start:
            said = f"{clean(record.cell.id)}: forked and fresh processes differ: a defect of harness (please report it)"
            yield Text(said, style="yellow")


def _name_of(run_id: str, options: RenderOptions) -> str:
    return clean(PurePath(options.run_path).name or run_id)


def _headline(run: Run, comparison: Comparison, backends: int) -> Text:
    word, style = ("INCOMPLETE", "bold yellow") if comparison.incomplete else ("FINISHED", "bold")
    cells = sum(sum(cell.outcomes.values()) for row in comparison.rows for cell in row.cells)
    rows, variants = format_count(len(comparison.rows), "row"), len(comparison.labels) - backends
    extent = f"{rows} on {format_count(backends, 'backend')}"
    extent += f" and {format_count(variants, 'variant')}" if variants > 0 and not _has_pairs(comparison) else ""
    extent += f", {format_count(cells, 'cell')}"
    seconds = _seconds_of(run)
    return Text.assemble((word, style), f"  {extent}{f' in {format_duration(seconds)}' if seconds else ''}")


def _has_pairs(comparison: Comparison) -> bool:
    return any(len(set(cell.roles)) > 1 for row in comparison.rows for cell in row.cells)


def _seconds_of(run: Run) -> float:
    return run.last.elapsed if run.last is not None else 0.0


def format_duration(seconds: float) -> str:
    """Return `48 s`, `5 min 48 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _make_table(backends: Sequence[BackendSummary], width: int) -> Table:
    columns = [standing for standing in _columns(width) if _is_shown(standing, backends)]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for _ in (*columns, "hangs"):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    reference = next((clean(line.label) for line in backends if line.is_reference), "")
    cost = f"cost, {shorten(reference, 12)} = 1" if reference else ""
    heads = [*(_heading(standing) for standing in columns), "hangs", cost]
    table.add_row("", *(Text(head, style="dim") for head in heads))
    for line in backends:
        counts = (_count_text(line, standing) for standing in columns)
        hangs = Text(line.hang_text, style="red" if line.hangs else "")
        name = Text(shorten(clean(line.label), _MOST_NAME), style="bold")
        table.add_row(name, *counts, hangs, _cost_text(line, has_cost=bool(reference)))
    return table


def _columns(width: int) -> Iterator[Standing]:
    yield from (Standing.BUG, Standing.DIFFERENCE, Standing.KNOWN, Standing.BY_DESIGN)
    if width >= _WIDE:
        yield from (Standing.NOT_MEASURED, Standing.NOT_RUN)


def _is_shown(standing: Standing, backends: Sequence[BackendSummary]) -> bool:
    always = (Standing.BUG, Standing.KNOWN, Standing.BY_DESIGN)
    return standing in always or any(line.count(standing) for line in backends)


def _heading(standing: Standing) -> str:
    return {Standing.BUG: "bugs", Standing.DIFFERENCE: "differences"}.get(standing, standing.value)


def _count_text(line: BackendSummary, standing: Standing) -> Text:
    count = line.count(standing)
    is_new = standing in (Standing.BUG, Standing.DIFFERENCE)
    return Text(str(count), style="bold red" if is_new and count else "" if count else "dim")


def _cost_text(line: BackendSummary, *, has_cost: bool) -> Text:
    if line.is_reference:
        return Text("1")
    if line.overall is None:
        return Text("no ratio" if has_cost else "", style="dim")
    return Text.assemble(line.cost_text, "  ", (_bar(line.overall.ratio), "cyan"))


def _bar(ratio: float) -> str:
    """Return a block whose height is the cost: a quarter of the reference's is the lowest, four times the highest."""
    place = round((math.log2(max(ratio, 0.01)) + 2) / 4 * (len(_BARS) - 1))
    return _BARS[min(max(place, 0), len(_BARS) - 1)]


def _counts(comparison: Comparison) -> Iterator[str]:
    if areas := list(_most_differing(comparison)):
        yield f"most differing: {', '.join(areas)}"
    if comparison.overall and not count_rows(comparison, Standing.NOT_MEASURED):  # otherwise the verdict has it
        yield "not measured: 0"
    yield f"not finished: {count_rows(comparison, Standing.NOT_FINISHED)}"


def _most_differing(comparison: Comparison) -> Iterator[str]:
    """Yield the areas with the most rows that differ; an area is the part of a name before the dot."""
    rows = Counter(row.row.scenario.partition(".")[0] for row in comparison.rows)
    differing = Counter(row.row.scenario.partition(".")[0] for row in comparison.rows if is_differing(row))
    if len(rows) > 1:
        for area, count in differing.most_common(_MOST_AREAS):
            yield f"{clean(area)} {count}/{rows[area]}"


def _commands(
    run: Run, comparison: Comparison, backends: Sequence[BackendSummary], options: RenderOptions
) -> Iterator[str]:
    """Yield what leads on: two backends side by side, the question of the heaviest finding."""
    name = _name_of(run.started.run_id, options)
    found = comparison.unexpected or comparison.findings
    parts = []
    if len(backends) > 1:
        other = max(backends[1:], key=lambda line: line.count(Standing.BUG) + line.count(Standing.DIFFERENCE))
        parts.append(f"harness show {name} -b {clean(backends[0].label)} -b {clean(other.label)}")
    if found:
        parts.append(f"harness explain {clean(found[0].row.scenario)}")
    if parts:
        lines = fill_lines(parts, options.width - len(_SEE))
        yield from (f"{_SEE if place == 0 else ' ' * len(_SEE)}{line}" for place, line in enumerate(lines))
