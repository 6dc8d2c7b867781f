"""Ratios in full: bounds, confidence, rounds, and how many would decide what is open."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from harness.model import CellSummary, Comparison, RatioSummary

from .console import make_fields, make_lines
from .safe_text import clean
from .squares import interval_text, ratio_text, verdict_text


def render_ratios(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield the ratios of the headlines by row; nothing where there is none."""
    for row in comparison.rows:
        lines = [(cell.label, describe_ratio(cell)) for cell in row.cells if cell.ratio is not None]
        if lines:
            yield Text.assemble((clean(row.row), "bold"), (f" {clean(row.headline)}", "dim"))
            yield make_fields([field for label, line in lines for field in make_lines(clean(label), [line])])
            yield Text()


def describe_ratio(cell: CellSummary) -> str:
    """Say what the ratio of a headline is and what it rests on, or why there is none."""
    ratio = cell.ratio
    if ratio is None:
        return ""
    if ratio.ratio is None:
        return f"no ratio to {clean(ratio.reference)}: {clean(ratio.withheld)}"
    unit = cell.headline.unit if cell.headline else ""
    words = (ratio_text(ratio), interval_text(ratio), verdict_text(ratio, unit))
    against = f"{' '.join(word for word in words if word)} against {clean(ratio.reference)}"
    return f"{against} ({', '.join(_basis_of(ratio))})"


def _basis_of(ratio: RatioSummary) -> Iterator[str]:
    yield f"{ratio.rounds} round{'s' * (ratio.rounds != 1)}"
    if ratio.confidence:
        yield f"{ratio.confidence:.0%}".replace("%", " %")
    if ratio.rounds_needed:
        yield f"about {ratio.rounds_needed} would decide"
    yield from (f"not the same work: {clean(field)}" for field in ratio.disparity)
