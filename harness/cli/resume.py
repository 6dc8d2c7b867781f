"""`harness resume`: go on with a run that did not end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from .plain import say
from .selection import default_jobs
from .show import RUNS, complete_run
from .state import State

_NOT_COMPARED = ("load", "self_test")


@click.command()
@click.argument("run_name", metavar="RUN", default="latest", shell_complete=complete_run)
@click.option(
    "--out", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Folder that holds the runs."
)
@click.option("--jobs", "-j", type=click.IntRange(1), default=default_jobs, metavar="N", help="As in matrix.")
@click.option("--quiet", "-q", is_flag=True, help="No progress; only the verdict and the findings.")
@click.option("--verbose", "-v", is_flag=True, help="Also every observation of every cell.")
@click.pass_obj
def resume(state: State, run_name: str, out: Path, jobs: int, *, quiet: bool, verbose: bool) -> int:
    """Run the cells that an interrupted run has left over, and report the whole run.

    What has its result is not run again. If the environment is another one than the run's, that is said first.

    \b
    Examples:
      harness resume
      harness resume 20261121-0628
    """
    from harness.environment import describe_environment
    from harness.journal import RunStore, read_run

    from .running import resume_and_report

    folder = RunStore(out).find(run_name)
    for change in describe_changes(read_run(folder).started.environment, describe_environment()):
        say(f"harness: the environment has changed since the run began: {change}", err=True)
    return resume_and_report(state, folder, jobs=jobs, quiet=quiet, verbose=verbose)


def describe_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is another one than it was; facts that change all the time are left out."""
    for name in before:
        if name not in _NOT_COMPARED and name in now and before[name] != now[name]:
            yield f"{name} was {before[name]}, is {now[name]}"
