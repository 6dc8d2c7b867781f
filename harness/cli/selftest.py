"""`harness selftest`: how often do verdicts on speed err on this machine?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness.journal import RunStore, write_self_test
from harness.model import Request, RowSummary, UsageError

from .exits import Exit
from .progress import open_progress
from .selection import complete_backend, complete_scenario
from .show import RUNS
from .state import State

if TYPE_CHECKING:
    from harness.compare.replay import SelfTest

_SHORT, _FULL = (180, 400), (600, 1000)
"""Processes and replays."""
_SCENARIO = "switch"
"""Short, on one thread, and bound by the CPU: what is wrong with it is wrong with the machine."""


@click.command()
@click.option("--full", is_flag=True, help="600 processes instead of 180, and 1000 replays instead of 400.")
@click.option("--backend", "-b", metavar="SPEC", shell_complete=complete_backend, help="[default: the first]")
@click.option(
    "--scenario",
    "-s",
    default=_SCENARIO,
    show_default=True,
    metavar="NAME",
    shell_complete=complete_scenario,
    help="With a figure; its first row of the preset quick is run.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=RUNS, show_default=True, help="Folder of runs."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.pass_obj
def selftest(state: State, /, *, full: bool, backend: str | None, scenario: str, out: Path, quiet: bool) -> int:
    """Measure one program many times and see how often it is called different from itself.

    Labels are dealt at random to identical processes, and the whole procedure is replayed on them: looks, intervals,
    verdicts. The result is stored beside the runs, and reports show it. Exits with 1 if we err more than promised.

    \b
    Examples:
      harness selftest
      harness selftest --full --backend uvloop
    """
    from harness.compare.replay import replay
    from harness.environment import describe_environment

    processes, replays = _FULL if full else _SHORT
    values, name = _measure(state, processes, backend, scenario, out, quiet=quiet)
    try:
        result = replay(values, replays=replays)
    except ValueError as exc:
        raise UsageError(f"{name}: {exc}") from exc
    for line in describe(result, name):
        click.echo(line)
    write_self_test(out, summarise(result), describe_environment(), msgspec.structs.asdict(result))
    return Exit.OK if result.passed else Exit.FINDINGS


def _measure(
    state: State, processes: int, backend: str | None, scenario: str, out: Path, *, quiet: bool
) -> tuple[list[float], str]:
    """Return the figure of each process in the order of their execution, and what was run."""
    from harness.plan import make_plan
    from harness.session import run_session

    request = Request(backends=(backend,) if backend else (), scenarios=(scenario,), preset="quick")
    first = next(iter(make_plan(request, state.catalogue).backends))
    request = msgspec.structs.replace(request, backends=(str(first),), rounds=processes)
    with open_progress(quiet=quiet, colourless=state.colourless) as progress:
        outcome = run_session(request, state.plugins, state.catalogue, RunStore(out), progress)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return _figures(outcome.comparison.rows[0]), f"{outcome.comparison.rows[0].row} on {first}"


def _figures(row: RowSummary) -> list[float]:
    square = row.cells[0]
    if square.headline is None:
        raise UsageError(f"{row.row} on {square.label} has no figure to test with: {square.reason or 'no headline'}")
    return list(square.headline.values)


def describe(result: SelfTest, name: str) -> Iterator[str]:
    """Yield the lines that say how often we err."""
    from harness.compare.replay import LEAST_COVERED, MOST_FALSE

    yield f"{name}: {result.processes} processes, {result.replays} replays of the whole procedure with random labels"
    yield f"  identical code is called different     {result.false_positives:6.1%}   at most {MOST_FALSE:.1%}"
    yield f"  an interval holds the truth            {result.covered:6.1%}   at least {LEAST_COVERED:.0%}"
    for difference, share in result.found.items():
        yield f"  {difference:>4} slower is found                  {share:6.1%}"
    yield f"  rounds until the interval is narrow    {result.rounds:4.0f}"
    yield (
        f"  beside it: one side after the other, with a t-test, calls identical code different in "
        f"{result.false_positives_blocked:.1%}"
    )
    yield "passed" if result.passed else "failed: verdicts on speed err more often than promised on this machine"


def summarise(result: SelfTest) -> str:
    """Return the line that reports show."""
    found = result.found.get("5 %", 0.0)
    return f"false positives {result.false_positives:.1%} of {result.replays}, 5 % slower is found in {found:.0%}"
