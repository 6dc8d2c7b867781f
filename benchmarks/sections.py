"""A benchmark's result as a section of `docs/reference/costs.md`: the measurement, a table, the conclusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.compare.intervals import CONFIDENCE, Interval, estimate_median


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One benchmark."""

    title: str
    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    verdict: str = ""
    """Conclusion of the figures on the goal."""
    note: str = ""
    """More for the page."""

    def markdown(self) -> str:
        """Return the section as it stands on the page."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts = (f"## {self.title}", self.text, table, self.verdict, self.note)
        return "\n\n".join(part for part in parts if part) + "\n"

    def plain(self) -> str:
        """Return the table for a terminal."""
        lines = (self.header, *self.rows)
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
        table = "\n".join(map("  ".join, padded))
        return f"{self.title}\n{table}\n{self.verdict}"


def estimate(sample: Sequence[float]) -> Interval | None:
    """Return the median of a sample with its exact interval; nothing if the sample is too small for one."""
    return estimate_median(sample, CONFIDENCE)


def ratio_texts(log_ratios: Sequence[float]) -> tuple[str, str]:
    """Return the median of ratios and the bounds of its interval."""
    interval = estimate(log_ratios)
    if interval is None:
        return "–", f"none: {len(log_ratios)} are too few"
    return f"{math.exp(interval.median):.3f}", f"{math.exp(interval.low):.3f}–{math.exp(interval.high):.3f}"


def is_within(log_ratios: Sequence[float], margin: float) -> bool:
    """Return whether the interval of the ratios lies between `1 / (1 + margin)` and `1 + margin`."""
    interval, edge = estimate(log_ratios), math.log1p(margin)
    return interval is not None and -edge < interval.low and interval.high < edge
