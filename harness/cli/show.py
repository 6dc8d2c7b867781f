"""`harness show` and `harness report`: a stored run again."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem

from harness.journal import RunStore, read_run
from harness.model import Run, UsageError

from .rendering import render
from .selection import RATIO_OPTIONS, F
from .state import State

RUNS = Path(".harness/runs")
"""The folder of runs that commands use unless they are told another."""


def judging_options(function: F) -> F:
    """Add the options that say how the figures of a stored run are compared."""
    for option in reversed(RATIO_OPTIONS):
        function = option(function)
    return function


def judged_by(run: Run, baseline: str | None, *, allow_disparity: bool) -> Run:
    """Return a run whose ratios refer to another column, or are given in spite of disparity.

    Raises:
        UsageError: the run has no such column.
    """
    started = run.started
    if baseline is not None:
        labels = sorted({record.cell.label for record in run.records})
        if baseline not in labels:
            raise UsageError(f"the run has no column {baseline!r}; it has {', '.join(labels)}")
        started = msgspec.structs.replace(started, plan=msgspec.structs.replace(started.plan, baseline=baseline))
    if allow_disparity:
        request = msgspec.structs.replace(started.request, allow_disparity=True)
        started = msgspec.structs.replace(started, request=request)
    return msgspec.structs.replace(run, started=started)


def complete_run(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a stored run."""
    names = [path.name for path in RunStore(RUNS).runs()]
    return [CompletionItem(name) for name in ("latest", *names) if name.startswith(incomplete)]


@click.command()
@click.argument("run_name", metavar="RUN", default="latest", shell_complete=complete_run)
@click.argument("cell", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Folder that holds the runs."
)
@click.option(
    "--format", "-f", "format_name", help="A report format; default: terminal, and details for a cell.", metavar="NAME"
)
@click.option("--verbose", "-v", is_flag=True, help="Also every observation, and what each role took.")
@judging_options
@click.pass_obj
def show(
    state: State,
    run_name: str,
    cell: str | None,
    out: Path,
    format_name: str | None,
    *,
    verbose: bool,
    baseline: str | None,
    allow_disparity: bool,
) -> None:
    """Show a stored run, or one of its cells (by a part of its id).

    \b
    Examples:
      harness show
      harness show 20261121-0628 'channel[capacity=1'
      harness show latest @trio --format json
    """
    from harness.compare import compare

    folder = RunStore(out).find(run_name)
    run = judged_by(read_run(folder), baseline, allow_disparity=allow_disparity)
    name = format_name or ("terminal" if cell is None else "details")
    if cell is not None:
        run = _only(run, cell)
    click.echo(render(state, name, run, compare(run), folder, int(verbose)), color=state.colour)


@click.command()
@click.argument("run_name", metavar="RUN", default="latest", shell_complete=complete_run)
@click.option("--format", "-f", "format_name", default="terminal", show_default=True, help="A report format.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of stdout.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Folder that holds the runs."
)
@judging_options
@click.pass_obj
def report(
    state: State,
    run_name: str,
    format_name: str,
    output: Path | None,
    out: Path,
    *,
    baseline: str | None,
    allow_disparity: bool,
) -> None:
    """Render a stored run in any format.

    \b
    Examples:
      harness report latest --format json --output report.json
    """
    from harness.compare import compare

    folder = RunStore(out).find(run_name)
    run = judged_by(read_run(folder), baseline, allow_disparity=allow_disparity)
    text = render(state, format_name, run, compare(run), folder)
    if output is None:
        click.echo(text, color=state.colour)
        return
    try:
        output.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"cannot write {output}: {exc.strerror}") from exc


def _only(run: Run, cell: str) -> Run:
    exact = tuple(record for record in run.records if record.cell.id == cell)
    found = exact or tuple(record for record in run.records if cell in record.cell.id)
    if not found:
        raise UsageError(f"cannot find a cell {cell!r} in the run; harness show RUN lists its rows")
    return msgspec.structs.replace(run, records=found)
