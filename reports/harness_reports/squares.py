"""One square of the grid: a symbol, a figure, a mark for the best, and the ratio to the reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.api import Judge, Metric
from harness.model import (
    SYMBOLS,
    CellSummary,
    FindingKind,
    MetricSummary,
    Outcome,
    Overall,
    RatioSummary,
    RowSummary,
    Run,
    format_value,
)

from .figures import format_factor, format_figure, is_of_time
from .safe_text import clean, shorten

BEST = "*"
UNLIKE = "≁"
"""Marks a ratio whose two sides did different work."""
_VALUE_LENGTH = 16
FINE = SYMBOLS[Outcome.COMPLETED]

_FINDING_SYMBOLS = {
    FindingKind.HARNESS_FAULT: ("!", "harness fault"),
    FindingKind.VIOLATION: ("✗", "breaks its contract"),
    FindingKind.HANG: ("H", "hung"),
    FindingKind.CRASH: ("C", "crashed"),
    FindingKind.WRONG_BACKEND: ("W", "wrong backend"),
    FindingKind.DIVERGENCE: ("≠", "differs"),
    FindingKind.LEFTOVER: ("+", "left something behind"),
    FindingKind.UNHANDLED: ("~", "unhandled exceptions"),
    FindingKind.SUSPECT_SCENARIO: ("?", "scenario suspect"),
    FindingKind.STALE_EXPECTATION: ("=", "an expected difference is gone"),
    FindingKind.MISSED: ("0", "planted fault not caught"),
    FindingKind.FLAKY: ("f", "flaky: completed when run again"),
    FindingKind.INTERESTING: ("≈", "by design"),
    FindingKind.STALLED: ("s", "one call held the scheduler"),
    FindingKind.INVALID_ENV: ("E", "invalid environment"),
    FindingKind.UNAVAILABLE: ("u", "unavailable"),
}
_KNOWN = ("k", "known")
WITHHELD = ("○", "not measured")
_CAUGHT = (FINE, "planted fault caught")
_DIM = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.NOT_RUN)
_STYLES = {
    FINE: "green",
    "≈": "cyan",
    "k": "cyan",
    **dict.fromkeys((SYMBOLS[outcome] for outcome in _DIM), "dim"),
    **dict.fromkeys("?~+E○", "yellow"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareText:
    """The texts of one square."""

    symbol: str
    meaning: str
    figure: str = ""
    share: str = ""
    """In how many of the rounds, if not in all."""
    is_best: bool = False
    ratio: str = ""
    interval: str = ""
    verdict: str = ""

    @property
    def whole_ratio(self) -> str:
        """The ratio with its interval and what that allows to say, on one line."""
        return " ".join(part for part in (self.ratio, self.interval, self.verdict) if part)

    @property
    def head(self) -> str:
        """Symbol, share and figure with the mark of the best."""
        words = [self.symbol, self.share, f"{self.figure}{f' {BEST}' if self.is_best else ''}"]
        return " ".join(word for word in words if word)

    @property
    def style(self) -> str:
        """Colour of the symbol; never the only sign of anything."""
        return style_of(self.symbol)


def describe_square(cell: CellSummary, row: RowSummary, judge: Judge | None) -> SquareText:
    """Return the content of a square.

    Args:
        cell: the square.
        row: its row; decides which figure is best.
        judge: of the row's headline.
    """
    symbol, meaning = symbol_of(cell)
    rounds, affected = sum(cell.outcomes.values()), cell.outcomes.get(cell.outcome, 0)
    share = f"{affected}/{rounds}" if affected != rounds else ""
    if cell.headline is None:
        return SquareText(symbol=symbol, meaning=meaning, share=share, figure=_figure_instead(cell, row, judge))
    return SquareText(
        symbol=symbol,
        meaning=meaning,
        share=share,
        figure=format_figure(cell.headline.median, clean(cell.headline.unit)),
        is_best=cell.label in best_labels(row),
        ratio=ratio_text(cell.ratio),
        interval=interval_text(cell.ratio),
        verdict=verdict_text(cell.ratio, cell.headline.unit),
    )


def best_labels(row: RowSummary) -> frozenset[str]:
    """Return the columns with the best figure of a row; none if there is nothing to be better than."""
    figures = {cell.label: cell.headline for cell in row.cells if cell.headline is not None}
    if len({figure.median for figure in figures.values()}) < 2:
        return frozenset()
    pick = max if _higher_is_better(figures.values()) else min
    best = pick(figure.median for figure in figures.values())
    return frozenset(label for label, figure in figures.items() if figure.median == best)


def headline_judges(run: Run) -> dict[str, Judge | None]:
    """Return how each scenario's headline is judged."""
    return {card.name: card.judges.get(card.headline) for card in run.started.scenarios}


def caption_of(row: RowSummary, judge: Judge | None) -> str:
    """Describe the figures of a row."""
    if isinstance(judge, Metric):
        return f"{clean(row.headline)}, {judge.better} is better"
    return clean(row.headline)


def ratio_text(ratio: RatioSummary | None) -> str:
    """Return a ratio as a factor, or the sign that it is withheld; nothing where there is none."""
    if ratio is None or (ratio.ratio is None and not ratio.disparity):
        return ""
    factor = "" if ratio.ratio is None else format_factor(ratio.ratio)
    return " ".join(part for part in (factor, UNLIKE if ratio.disparity else "") if part)


def interval_text(ratio: RatioSummary | None) -> str:
    """Return the bounds of a ratio; nothing where there are too few rounds for any."""
    return "" if ratio is None else bounds_text(ratio.low, ratio.high)


def verdict_text(ratio: RatioSummary | None, unit: str) -> str:
    """Return the verdict that the interval of a ratio allows, and whether its median hides two modes."""
    if ratio is None or ratio.verdict is None:
        return ""
    said = ratio.verdict.value
    if not is_of_time(unit):
        said = said.replace("faster", "better").replace("slower", "worse")
    return f"{said}, bimodal" if ratio.bimodal else said


def bounds_text(low: float | None, high: float | None) -> str:
    """Return an interval of factors; nothing without one."""
    return "" if low is None or high is None else f"[{format_factor(low, '')}, {format_factor(high, '')}]"


def overall_text(overall: Overall) -> str:
    """Return a mean over rows, with its bounds if it has any."""
    return f"{format_factor(overall.ratio)} {bounds_text(overall.low, overall.high)}".strip()


def value_text(value: Any, unit: str = "") -> str:
    """Return an observed value on one line."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return format_figure(value, unit) if unit else f"{value:.6g}" if isinstance(value, float) else str(value)
    if isinstance(value, (list, tuple)):
        return " | ".join(value_text(item, unit) for item in value)
    if value is None or isinstance(value, (bool, str)):
        return clean(format_value(value))
    return clean(value)


def style_of(symbol: str) -> str:
    """Return the colour of a symbol."""
    return _STYLES.get(symbol, "red")


def symbol_of(cell: CellSummary) -> tuple[str, str]:
    """Return the symbol of a square and its meaning."""
    if cell.planted is not None:
        return _CAUGHT if cell.planted else _FINDING_SYMBOLS[FindingKind.MISSED]
    if cell.known and not cell.is_unexpected:
        return _KNOWN
    if cell.outcome is not Outcome.COMPLETED:
        return SYMBOLS[cell.outcome], str(cell.outcome)
    if cell.withheld and not cell.is_unexpected:
        return WITHHELD
    if cell.findings:
        return _FINDING_SYMBOLS[cell.findings[0]]
    return FINE, "as expected"


def _figure_instead(cell: CellSummary, row: RowSummary, judge: Judge | None) -> str:
    if cell.outcome is not Outcome.COMPLETED:
        return ""
    if judge is not None and judge.is_measured:
        # A row whose question is no figure has none anywhere; a figure that only some have is missed.
        is_missed = bool(cell.findings) or any(other.headline is not None for other in row.cells)
        return "no figure" if is_missed else ""
    unit = judge.unit if judge is not None else ""
    value = cell.values.get(row.headline)
    return "" if value is None else shorten(value_text(value, unit), _VALUE_LENGTH)


def _higher_is_better(figures: Iterable[MetricSummary]) -> bool:
    return all(figure.better == "higher" for figure in figures)
