"""Figures of stored runs as series: over the runs, with the steps in them, and over the versions of a runtime."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from harness.compare.trend import TrendStep, find_steps
from harness.model import FigureSeries, SeriesPoint, SeriesStep

from .run_index import IndexedFigure, IndexedRun

_PLACE = re.compile(r"(?<=\w)(@[^:,+=]+|==[^:,+]+)")
"""The environment or version in a label."""
_TIMES = "\N{MULTIPLICATION SIGN}"


def series_over_runs(figures: Sequence[IndexedFigure], runs: Mapping[str, IndexedRun]) -> Iterator[FigureSeries]:
    """Yield for each row and backend its figures in the order of the runs, and the steps in them."""
    for several in _grouped(figures, lambda figure: (figure.row, figure.label)):
        steps = find_steps([figure.median for figure in several])
        points = [
            SeriesPoint(place=each.run, median=each.median, low=each.low, high=each.high, figures=each.rounds)
            for each in several
        ]
        yield _make_series(several[0], points, tuple(_make_step(step, several, runs) for step in steps))


def series_over_environments(figures: Sequence[IndexedFigure]) -> Iterator[FigureSeries]:
    """Yield for each row and backend its figures by the versions of Python and of the runtime, the oldest first."""
    for several in _grouped(figures, lambda figure: (figure.row, _PLACE.sub("", figure.label))):
        by_versions = _grouped(several, lambda figure: _order_of(figure.versions))
        points = [_point_of(same) for same in by_versions]
        yield replace(_make_series(several[0], points), label=_PLACE.sub("", several[0].label))


def _grouped(figures: Iterable[IndexedFigure], key: Callable[[IndexedFigure], Any]) -> Iterator[list[IndexedFigure]]:
    return (list(several) for _, several in groupby(sorted(figures, key=key), key=key))


def _make_series(
    first: IndexedFigure, points: Iterable[SeriesPoint], steps: tuple[SeriesStep, ...] = ()
) -> FigureSeries:
    return FigureSeries(
        row=first.row,
        label=first.label,
        key=first.key,
        unit=first.unit,
        better=first.better,
        points=tuple(points),
        steps=steps,
    )


def _point_of(same: Sequence[IndexedFigure]) -> SeriesPoint:
    """Return the median of the runs in an environment, the least and the most of them."""
    return SeriesPoint(
        place=", ".join(f"{name} {version}" for name, version in same[0].versions.items()) or "unknown versions",
        median=statistics.median(figure.median for figure in same),
        low=min(figure.low for figure in same),
        high=max(figure.high for figure in same),
        figures=len(same),
    )


def _order_of(versions: Mapping[str, str]) -> list[tuple[str, Version, str]]:
    """Return a key that puts older versions first; names of packages come in one order."""
    return [(name, _version_of(version), version) for name, version in sorted(versions.items())]


def _version_of(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _make_step(step: TrendStep, figures: Sequence[IndexedFigure], runs: Mapping[str, IndexedRun]) -> SeriesStep:
    figure = figures[step.place]
    is_worse = (step.ratio > 1) is (figure.better == "lower")
    changed = ", ".join(_changed_versions(runs.get(figures[step.place - 1].run), runs.get(figure.run)))
    because = f"; changed there: {changed}" if changed else ""
    text = f"{_TIMES}{step.ratio:.2f} ({'worse' if is_worse else 'better'}) from {figure.run} on{because}"
    return SeriesStep(place=figure.run, ratio=step.ratio, text=text)


def _changed_versions(before: IndexedRun | None, after: IndexedRun | None) -> Iterator[str]:
    if before is None or after is None:
        return
    for name, version in after.versions.items():
        if name in before.versions and before.versions[name] != version:
            yield f"{name} {before.versions[name]} → {version}"
