"""`harness trend`: a figure over the stored runs, and the run in which a step began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.journal import RunStore
from harness.model import NothingSelectedError, matches_glob

from .plain import say
from .selection import complete_backend
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.compare.trend import TrendStep
    from harness.session.run_index import IndexedFigure, IndexedRun

_BAR = 24
_MOST_NAMES = 5


@click.command()
@click.argument("row")
@click.option(
    "--backend",
    "-b",
    "backends",
    multiple=True,
    metavar="SPEC",
    shell_complete=complete_backend,
    help="Column: a label or a glob (repeatable; default: all).",
)
@out_option
@click.pass_obj
def trend(state: State, row: str, backends: tuple[str, ...], out: Path) -> None:
    """Show a figure over all stored runs, and where it changed.

    ROW is a row such as 'channel[capacity=1]', a scenario or a glob. A step is a change that lasts for three runs and
    is more than chance; it is named by its first run, with the versions that changed there.

    \b
    Examples:
      harness trend 'channel[capacity=1]'
      harness trend storm -b uvloop
      harness trend switch -b 'uvloop@*'
    """
    from harness.session.run_index import RunIndex

    del state
    with RunIndex(RunStore(out)) as index:
        runs = {run.name: run for run in index.runs()}
        figures = [figure for figure in index.figures() if _is_meant(figure, row, backends)]
    if not figures:
        raise NothingSelectedError(f"no stored run has a figure of {row!r}; to make one: harness matrix -s SCENARIO")
    for (name, label), several in groupby(figures, key=lambda figure: (figure.row, figure.label)):
        for line in describe_series(name, label, list(several), runs):
            say(line)


def _is_meant(figure: IndexedFigure, row: str, backends: Sequence[str]) -> bool:
    names = (figure.row, figure.row.partition("[")[0])
    is_row = any(name == row or matches_glob(name, row) for name in names)
    return is_row and (not backends or any(matches_glob(figure.label, backend) for backend in backends))


def describe_series(
    row: str, label: str, figures: Sequence[IndexedFigure], runs: Mapping[str, IndexedRun]
) -> Iterator[str]:
    """Yield a line for each run, and one for each step."""
    from harness.compare.trend import find_steps

    first = figures[0]
    yield f"{row} on {label}: {first.key}, {first.unit}, {first.better} is better"
    steps = {step.place: step for step in find_steps([figure.median for figure in figures])}
    most = max(figure.high for figure in figures)
    for place, figure in enumerate(figures):
        if place in steps:
            yield f"  {_describe_step(steps[place], figures, place, runs)}"
        bar = "━" * max(1, round(figure.median / most * _BAR)) if most > 0 else ""
        spread = f"[{figure.low:.4g}, {figure.high:.4g}]" if figure.rounds > 1 else ""
        yield f"  {figure.run}  {figure.median:>10.4g} {spread:22} {bar}"
    if not steps:
        yield f"  no step in {len(figures)} run{'s' * (len(figures) != 1)}"
    yield ""


def _describe_step(
    step: TrendStep, figures: Sequence[IndexedFigure], place: int, runs: Mapping[str, IndexedRun]
) -> str:
    figure = figures[place]
    is_worse = (step.ratio > 1) is (figure.better == "lower")
    changed = ", ".join(_changed_versions(runs.get(figures[place - 1].run), runs.get(figure.run)))
    because = f"; changed there: {changed}" if changed else ""
    direction = "worse" if is_worse else "better"
    return f"step: \N{MULTIPLICATION SIGN}{step.ratio:.2f} ({direction}) from {figure.run} on{because}"


def _changed_versions(before: IndexedRun | None, after: IndexedRun | None) -> Iterable[str]:
    if before is None or after is None:
        return
    for name, version in list(after.versions.items()):
        if name in before.versions and before.versions[name] != version:
            yield f"{name} {before.versions[name]} → {version}"
