"""`harness show` and `harness report`: a stored run again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from harness.journal import RunStore, read_events, read_run
from harness.model import Cell, CellRecord, Comparison, Run, RunStarted, UsageError, matches_glob

from .exits import Exit
from .rendering import render, write_report
from .selection import RATIO_OPTIONS, F
from .state import State
from .stored import out_option, run_argument
from .timeline import render_timeline


def judging_options(function: F) -> F:
    """Add the options for the comparison of figures of a stored run."""
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


@click.command()
@run_argument
@click.argument("cell", required=False)
@out_option
@click.option(
    "--format", "-f", "format_name", help="A report format; default: terminal, and details for a cell.", metavar="NAME"
)
@click.option("--quiet", "-q", is_flag=True, help="Show only the verdict and the titles of the findings.")
@click.option("--verbose", "-v", is_flag=True, help="Also show every observation and each role's resource usage.")
@click.option(
    "--backend",
    "-b",
    "backends",
    multiple=True,
    metavar="SPEC",
    help="Only this column: a label or a glob (repeatable).",
)
@click.option(
    "--scenario",
    "-s",
    "scenarios",
    multiple=True,
    metavar="NAME",
    help="Only this scenario: a name or a glob (repeatable).",
)
@click.option("--timeline", is_flag=True, help="Show each event of the run, or of the cells, with its time.")
@judging_options
@click.pass_obj
def show(
    state: State,
    run_name: str,
    cell: str | None,
    out: Path,
    format_name: str | None,
    *,
    backends: tuple[str, ...],
    scenarios: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    timeline: bool,
    baseline: str | None,
    allow_disparity: bool,
) -> int:
    """Show a stored run, or one of its cells.

    A whole run has the exit code of its verdict, e.g. 5 for one that was interrupted.

    \b
    Examples:
      harness show
      harness show latest~1 -b asyncio -b uvloop
      harness show 20261121-0628 'channel[capacity=1'
      harness show latest @trio --format json
      harness show latest @trio --timeline
    """
    from harness.compare import compare
    from harness.session import RunOutcome

    from .running import exit_code

    folder = RunStore(out).find(run_name)
    if timeline:
        for line in render_timeline(read_events(folder), cell):
            click.echo(line)
        return Exit.OK
    run = select_cells(read_run(folder), backends, scenarios)
    run = judged_by(run, baseline, allow_disparity=allow_disparity)
    comparison = compare(run)
    name = format_name or ("terminal" if cell is None else "details")
    if cell is not None:
        run, comparison = narrow(run, comparison, cell)
    outcome = RunOutcome(folder=folder, run=run, comparison=comparison, interrupted=False)
    if cell is None and format_name is None and run.started.request.suite is not None:
        from .suite import show_suite

        return show_suite(state, outcome, verbose=verbose)
    is_part = bool(backends or scenarios)
    text = render(
        state, name, run, comparison, folder, verbose - quiet, lambda o: msgspec.structs.replace(o, is_detailed=is_part)
    )
    click.echo(text, color=state.colour)
    if cell is not None:
        return Exit.OK
    return exit_code(outcome)


@click.command()
@run_argument
@click.option("--format", "-f", "format_name", default="terminal", show_default=True, help="A report format.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of stdout."
)
@out_option
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
    write_report(output, text, folder)


def select_cells(run: Run, backends: Sequence[str], scenarios: Sequence[str]) -> Run:
    """Return a run as if only these columns and scenarios had been asked for; the whole for none.

    An idiom that was run beside a backend goes with it.

    Raises:
        UsageError: nothing is left.
    """
    if not backends and not scenarios:
        return run
    variants = {str(spec) for spec in run.started.plan.variants}

    def is_meant(cell: Cell) -> bool:
        names = {cell.label, *(str(role.backend) for role in cell.roles)}
        names |= {name.partition(":")[0] for name in names if name in variants}
        is_column = not backends or any(matches_glob(name, text) for name in names for text in backends)
        return is_column and (not scenarios or any(matches_glob(cell.scenario, text) for text in scenarios))

    records = tuple(record for record in run.records if is_meant(record.cell))
    if not records:
        labels = dict.fromkeys(record.cell.label for record in run.records)
        raise UsageError(f"no cell of the run is left; it has {', '.join(labels)}; harness show RUN -v lists its rows")
    return msgspec.structs.replace(run, started=_narrow_header(run.started, records), records=records)


def narrow(run: Run, comparison: Comparison, text: str) -> tuple[Run, Comparison]:
    """Return the cells whose id contains a text, and the verdicts of the whole run on them.

    Raises:
        UsageError: there is none.
    """
    exact = tuple(record for record in run.records if record.cell.id == text)
    records = exact or tuple(record for record in run.records if text in record.cell.id)
    if not records:
        raise UsageError(f"cannot find a cell {text!r} in the run; harness show RUN lists its rows")
    squares = {(record.cell.row, record.cell.label) for record in records}
    names = squares | {(cell.row, str(role.backend)) for cell in (r.cell for r in records) for role in cell.roles}
    rows = (
        msgspec.structs.replace(row, cells=tuple(c for c in row.cells if (row.row, c.label) in squares))
        for row in comparison.rows
    )
    return (
        msgspec.structs.replace(run, started=_narrow_header(run.started, records), records=records),
        msgspec.structs.replace(
            comparison.only(f for f in comparison.findings if any((f.row, label) in names for label in f.backends)),
            labels=tuple(label for label in comparison.labels if any(label == other for _, other in squares)),
            rows=tuple(row for row in rows if row.cells),
        ),
    )


def _narrow_header(started: RunStarted, records: Sequence[CellRecord]) -> RunStarted:
    """Return the summary of a run, without the cells and the scenarios that are not shown."""
    shown, names = {record.cell.id for record in records}, {record.cell.scenario for record in records}
    plan = msgspec.structs.replace(
        started.plan,
        cells=tuple(cell for cell in started.plan.cells if cell.id in shown),
        skipped=tuple(skip for skip in started.plan.skipped if skip.cell.id in shown),
    )
    return msgspec.structs.replace(
        started,
        plan=plan,
        scenarios=tuple(card for card in started.scenarios if card.name in names),
        expectations=tuple(e for e in started.expectations if any(matches_glob(n, e.scenario) for n in names)),
    )
