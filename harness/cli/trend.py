"""`harness trend`: a figure over the stored runs, and the run in which a step began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    from harness.model import FigureSeries
    from harness.session.run_index import IndexedFigure

_BAR = 24


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
@click.option(
    "--by",
    "axis",
    type=click.Choice(("run", "environment")),
    default="run",
    show_default=True,
    help="Compare runs, or versions of Python and of the runtime.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@out_option
@click.pass_obj
def trend(state: State, row: str, backends: tuple[str, ...], axis: str, out: Path, *, as_json: bool) -> None:
    """Show a figure over all stored runs, and where it changed.

    ROW is a row such as 'channel[capacity=1]', a scenario or a glob. A step is a change that lasts for three runs and
    is more than chance; it is named by its first run, with the versions that changed there. Charts of all rows:
    harness publish.

    \b
    Examples:
      harness trend 'channel[capacity=1]'
      harness trend storm -b uvloop
      harness trend switch -b 'uvloop@*' --by environment
    """
    from harness.session.run_index import RunIndex
    from harness.session.trends import series_over_environments, series_over_runs

    del state
    with RunIndex(RunStore(out)) as index:
        runs = {run.name: run for run in index.runs()}
        figures = [figure for figure in index.figures() if _is_meant(figure, row, backends)]
    if not figures:
        raise NothingSelectedError(f"no stored run has a figure of {row!r}; to make one: harness matrix -s SCENARIO")
    found = list(series_over_runs(figures, runs) if axis == "run" else series_over_environments(figures))
    if as_json:
        from .documents import encode

        say(encode(found))
        return
    for series in found:
        for line in describe_series(series, axis):
            say(line)


def _is_meant(figure: IndexedFigure, row: str, backends: Sequence[str]) -> bool:
    names = (figure.row, figure.row.partition("[")[0])
    is_row = any(name == row or matches_glob(name, row) for name in names)
    return is_row and (not backends or any(matches_glob(figure.label, backend) for backend in backends))


def describe_series(series: FigureSeries, axis: str) -> Iterator[str]:
    """Yield a line for each point, and one for each step."""
    yield f"{series.row} on {series.label}: {series.key}, {series.unit}, {series.better} is better"
    steps = {step.place: step.text for step in series.steps}
    most = max(point.high for point in series.points)
    width = max(len(point.place) for point in series.points)
    for point in series.points:
        if point.place in steps:
            yield f"  step: {steps[point.place]}"
        bar = "━" * max(1, round(point.median / most * _BAR)) if most > 0 else ""
        spread = f"[{point.low:.4g}, {point.high:.4g}]" if point.low < point.high else ""
        yield f"  {point.place:{width}}  {point.median:>10.4g} {spread:22} {bar}"
    if not steps and axis == "run":
        yield f"  no step in {len(series.points)} run{'s' * (len(series.points) != 1)}"
    yield ""
