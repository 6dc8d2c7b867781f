"""Ratios in full: bounds, confidence, rounds, and the number of rounds that would decide an open one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from harness.model import CellSummary, Comparison, RatioSummary, RowSummary, Run

from .console import fill_lines, make_fields, make_lines
from .figures import format_factor
from .parity_lines import describe_parity
from .safe_text import clean
from .squares import bounds_text, interval_text, overall_text, ratio_text, verdict_text


def render_ratios(run: Run, comparison: Comparison) -> Iterator[RenderableType]:
    """Yield the ratios of the headlines by row, each with its parity; nothing where there is none."""
    for row in comparison.rows:
        compared = [cell for cell in row.cells if cell.ratio is not None]
        if compared:
            yield Text.assemble((clean(row.row), "bold"), (f" {clean(row.headline)}", "dim"))
            shown = [cell for cell in row.cells if cell in compared or cell.label == comparison.reference]
            said = [(cell.label, [*_ratio_lines(cell), *_parity_lines(cell, row, run)]) for cell in shown]
            yield make_fields([field for label, lines in said for field in make_lines(clean(label), lines)])
            yield Text()


def _ratio_lines(cell: CellSummary) -> list[str]:
    return [describe_ratio(cell)] if cell.ratio else []


def _parity_lines(cell: CellSummary, row: RowSummary, run: Run) -> list[str]:
    said = list(describe_parity(cell, row.row.scenario, run))
    return [f"parity: {'; '.join(said)}"] if said else []


def render_overall(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Yield how the backends stand to the reference over all rows with an interval; nothing for one row."""
    means = {label: mean for label, mean in comparison.overall.items() if mean.low is not None and mean.rows > 1}
    if means:
        said = [f"{clean(label)} {overall_text(mean)} ({mean.rows} rows)" for label, mean in means.items()]
        yield Text.assemble(("over all rows with an interval", "bold"), (", geometric mean of cost; no verdict", "dim"))
        yield from (Text(f"  {line}") for line in fill_lines(said, width - 2))
        yield Text()


def render_intervals(rows: Sequence[RowSummary], width: int) -> Iterator[RenderableType]:
    """Yield the ratios that have an interval, by row and as many beside each other as fit; nothing if none has one."""
    bounded = [(row, [cell for cell in row.cells if cell.ratio and cell.ratio.low is not None]) for row in rows]
    ratios = [cell.ratio for _, cells in bounded for cell in cells if cell.ratio]
    if not ratios:
        return
    sure = " and ".join(sorted({f"{ratio.confidence:.0%}".replace("%", " %") for ratio in ratios}))
    yield Text.assemble(("against ", "bold"), (clean(ratios[0].reference), "bold"), (f", with {sure} intervals", "dim"))
    for row, cells in bounded:
        if cells:
            yield Text(f"  {clean(row.row)}")
            said = [f"{clean(cell.label)} {' '.join(_words_of(cell))}" for cell in cells]
            yield from (Text(f"    {line}") for line in fill_lines(said, width - 4))
    yield Text()


def describe_ratio(cell: CellSummary) -> str:
    """Describe the ratio of a headline and its evidence, or the reason for its absence."""
    ratio = cell.ratio
    if ratio is None:
        return ""
    if ratio.ratio is None:
        return f"no ratio to {clean(ratio.reference)}: {clean(ratio.withheld)}"
    return f"{' '.join(_words_of(cell))} against {clean(ratio.reference)} ({', '.join(_basis_of(ratio))})"


def _words_of(cell: CellSummary) -> Iterator[str]:
    unit = cell.headline.unit if cell.headline else ""
    words = (ratio_text(cell.ratio), interval_text(cell.ratio), verdict_text(cell.ratio, unit))
    return (word for word in words if word)


def _basis_of(ratio: RatioSummary) -> Iterator[str]:
    yield f"{ratio.rounds} round{'s' * (ratio.rounds != 1)}"
    if ratio.confidence:
        yield f"{ratio.confidence:.0%}".replace("%", " %")
    if ratio.rounds_needed:
        yield f"about {ratio.rounds_needed} would decide"
    if (best := ratio.bimodal) is not None:
        yield f"by the best values of the cells {format_factor(best.ratio)} {bounds_text(best.low, best.high)}"
    yield from describe_disparity(ratio)


def describe_disparity(ratio: RatioSummary | None) -> Iterator[str]:
    """Yield what differs although it should not, for a ratio to mean something."""
    yield from (f"not the same work: {clean(field)}" for field in (ratio.disparity if ratio else ()))
