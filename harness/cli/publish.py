"""`harness publish`: several stored runs as a static site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.journal import RunStore
from harness.model import NothingSelectedError, Renderer, Site, SiteRun, UsageError, matches_glob

from .plain import say
from .rendering import render
from .runs import describe_extent
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.session.run_index import IndexedFigure, IndexedRun

_PAGES = "runs"


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--run", "names", multiple=True, metavar="RUN", help="Runs by name or glob (repeatable; default: all).")
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="Publish the latest N runs.")
@out_option
@click.pass_obj
def publish(state: State, folder: Path, names: tuple[str, ...], limit: int, out: Path) -> None:
    """Write several stored runs as a static site into FOLDER.

    The site has a list of the runs with the page of each, charts of every figure over runs and over versions of a
    runtime, and a page for each runtime of the latest run. It works from a file and needs no network.

    \b
    Examples:
      harness publish site
      harness publish site -n 5
    """
    from harness.session.run_index import RunIndex

    renderer = _renderer_of_sites(state)
    store = RunStore(out)
    with RunIndex(store) as index:
        indexed = [run for run in index.runs() if not names or any(matches_glob(run.name, name) for name in names)]
        chosen = {run.name: run for run in indexed[-limit:]}
        figures = [figure for figure in index.figures() if figure.run in chosen]
    if all(run.problem for run in chosen.values()):
        raise NothingSelectedError(f"no readable run in {out}; to make one: harness matrix")
    say(f"{_publish(state, renderer, store, chosen, figures, folder)} runs in {folder}")


def _publish(
    state: State,
    renderer: Renderer,
    store: RunStore,
    chosen: Mapping[str, IndexedRun],
    figures: Sequence[IndexedFigure],
    folder: Path,
) -> int:
    """Write the pages of all runs that can be read, and return how many."""
    from harness.session import read_outcome
    from harness.session.trends import series_over_environments, series_over_runs

    readable = [name for name, run in chosen.items() if not run.problem]
    for name in readable:
        outcome = read_outcome(store.root / name)
        text = render(state, renderer.name, outcome.run, outcome.comparison, outcome.folder)
        _write(folder / _page_of(chosen[name], renderer), text)
    runs = tuple(_describe_run(run, renderer) for run in chosen.values())
    site = Site(
        runs=runs,
        latest=next(run for run in runs if run.name == readable[-1]),
        run=outcome.run,
        comparison=outcome.comparison,
        over_runs=tuple(series_over_runs(figures, chosen)),
        over_environments=tuple(series_over_environments(figures)),
    )
    assert renderer.render_site is not None
    for file, text in renderer.render_site(site).items():
        _write(folder / file, text)
    return len(readable)


def _renderer_of_sites(state: State) -> Renderer:
    found = [each for each in state.catalogue.renderers.values() if each.render_site is not None]
    if not found:
        raise UsageError("no plugin brings a report format with sites; see: harness plugins")
    return found[0]


def _page_of(run: IndexedRun, renderer: Renderer) -> str:
    return "" if run.problem else f"{_PAGES}/{run.name}{renderer.suffix}"


def _describe_run(run: IndexedRun, renderer: Renderer) -> SiteRun:
    return SiteRun(
        name=run.name,
        started_at=run.started_at,
        extent=run.problem or describe_extent(run),
        verdict=run.verdict,
        page=_page_of(run, renderer),
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Observed values may hold halves of surrogate pairs.
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}") from exc
