"""The terminal report: header, grid, verdict and findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from harness.model import PLANTED, CellSummary, Comparison, RenderOptions, RowSummary, Run

from .console import fill_lines, make_fields, make_lines, print_to_text
from .detection import render_detection
from .figures import format_figure
from .finding_groups import collapse, group_unexpected
from .finding_view import describe_unavailable, render_block, render_expected, sort_findings, title_of
from .grid import Ratios, make_blocks, make_footnotes, make_layout, make_legend, render_grid
from .header import render_header, render_self_check
from .pairs_grid import has_pairs, render_pairs
from .questions import LETTERS, NATURES, has_letters, make_question_blocks, name_row, split_questions
from .ratio_lines import describe_ratio, render_intervals, render_overall
from .safe_text import clean
from .squares import value_text
from .summary_screen import render_notices, render_summary, render_verdict
from .sweep_table import render_sweeps

_LEAST_OF_A_CURVE = 3
"""Values of a parameter; with fewer, or with one figure for each, the grid says the same."""
_MOST_ROWS = 24
"""Of a run whose grid is shown without being asked for: it leaves the summary on one screen."""
_MOST_BLOCKS = 8
_MOST_TITLES = 200


def render_terminal(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Return the report as text for a terminal: the summary stands last, the bugs above it.

    A run of few rows has its grid; with `-v` every run has it, and each observation. Quiet is the verdict and the
    titles of the findings.
    """
    parts = _quiet_parts(run, comparison, options) if options.verbosity < 0 else _parts(run, comparison, options)
    return print_to_text(parts, options)


def _quiet_parts(run: Run, comparison: Comparison, options: RenderOptions) -> Iterator[RenderableType]:
    if comparison.self_check is not None and comparison.self_check.failed:
        yield render_self_check(comparison.self_check)
    yield render_verdict(comparison)
    yield from render_notices(run, comparison, options)
    yield from (title_of(group.findings, group.title) for group in group_unexpected(comparison))
    yield from map(describe_unavailable, sort_findings(comparison.findings).unavailable)


def _parts(run: Run, comparison: Comparison, options: RenderOptions) -> Iterator[RenderableType]:
    is_sabotaged = run.started.request.saboteurs
    is_detailed = options.is_detailed or options.verbosity > 0 or len(comparison.rows) <= _MOST_ROWS
    header = list(render_header(run, comparison))
    if not is_detailed:
        for line in header:
            line.truncate(options.width, overflow="ellipsis")
    yield from header
    if is_detailed or is_sabotaged:
        yield Text()
    if is_sabotaged:
        yield from render_detection(run, comparison)
    elif is_detailed:
        yield from _render_rows(run, comparison, options)
    if options.verbosity > 0:
        yield from _render_observations(comparison)
    shown = [finding for finding in comparison.findings if not (is_sabotaged and finding.known == PLANTED)]
    yield from render_expected(shown, options) if is_detailed else _render_unavailable(comparison)
    yield from _render_unexpected(comparison, options)
    yield Text()
    yield from render_summary(run, comparison, options)


def _render_unavailable(comparison: Comparison) -> Iterator[RenderableType]:
    yield from map(describe_unavailable, sort_findings(comparison.findings).unavailable)


def _render_unexpected(comparison: Comparison, options: RenderOptions) -> Iterator[RenderableType]:
    """Yield a block for each root cause of what is unexpected, the worst first; of many, the rest as titles."""
    groups = group_unexpected(comparison)
    blocks = groups if options.verbosity > 0 else groups[:_MOST_BLOCKS]
    for group in blocks:
        yield from render_block(group.findings, group.title, options, group.dependent)
        if options.verbosity > 0:
            for alike in collapse(group.dependent):
                yield from render_block(alike, alike[0].title, options)
    if rest := groups[len(blocks) :]:
        yield Text()
        yield from (title_of(group.findings, group.title) for group in rest[:_MOST_TITLES])
    if len(rest) > _MOST_TITLES:
        yield Text(f"and {len(rest) - _MOST_TITLES:,} more (all: --format json)", style="bold")


def _render_rows(run: Run, comparison: Comparison, options: RenderOptions) -> Iterator[RenderableType]:
    yield from render_pairs(run, comparison)
    measured, questions = split_questions(run, comparison)
    alone = [row for row in measured if not has_pairs(row)]
    blocks = make_blocks(run, alone)
    asked = make_question_blocks(run, questions, options.width)
    layout = make_layout(blocks, _labels_of(comparison, alone), options.width)
    yield from render_grid(blocks, layout)
    if asked:
        if blocks:
            yield Text()
        # Their squares are narrow and their names long: a table of their own has room for both.
        yield from render_grid(asked, make_layout(asked, _labels_of(comparison, questions), options.width))
    if comparison.rows:
        yield Text()
        everything = [*blocks, *asked, *make_blocks(run, [row for row in measured if has_pairs(row)])]
        legend = make_legend(everything, layout, comparison.reference if blocks else "")
        if has_letters(asked):
            legend.append(LETTERS)
        legend += [NATURES] if any(name_row(row) != clean(row.row) for row in questions) else []
        yield from (Text(line, style="dim") for line in fill_lines(legend, options.width))
        yield from (Text(note, style="dim") for note in make_footnotes(comparison))
        yield Text()
    if layout is None or layout.ratios is Ratios.NONE:
        yield from render_intervals(alone, options.width)
    yield from render_overall(comparison, options.width)
    yield from render_sweeps(comparison, least_values=_LEAST_OF_A_CURVE, least_keys=2)


def _labels_of(comparison: Comparison, rows: Sequence[RowSummary]) -> list[str]:
    used = {cell.label for row in rows for cell in row.cells}
    return [label for label in comparison.labels if label in used]


def _render_observations(comparison: Comparison) -> Iterator[RenderableType]:
    for row in comparison.rows:
        yield Text(clean(row.row), style="bold")
        for cell in row.cells:
            yield Text(f"  {clean(cell.label)}", style="bold")
            yield make_fields(_fields_of(cell))
        yield Text()


def _fields_of(cell: CellSummary) -> list[tuple[str, RenderableType]]:
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in cell.outcomes.items())
    fields = make_lines("outcome", [outcomes])
    fields += make_lines("no figure", [clean(cell.reason)] if cell.reason else [])
    fields += make_lines("ratio", [describe_ratio(cell)] if cell.ratio is not None else [])
    for key, metric in cell.metrics.items():
        fields += make_lines(clean(key), [format_figure(metric.median, clean(metric.unit))])
    for key, value in cell.values.items():
        if key not in cell.frequencies:
            fields += make_lines(clean(key), [value_text(value)])
    for key, counts in cell.frequencies.items():
        seen = ", ".join(f"{clean(value)} ({count} of {sum(counts.values())})" for value, count in counts.items())
        fields += make_lines(clean(key), [seen])
    return fields
