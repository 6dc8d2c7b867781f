"""`harness matrix`: everything on everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .option_sections import SectionedCommand
from .profile import apply_profile, profile_option, read_profile
from .selection import is_everything, output_options, preset_option, selection_options
from .state import State


@click.command(cls=SectionedCommand)
@selection_options
@preset_option("default")
@click.option(
    "--schedules", type=click.IntRange(1), metavar="N", help="Also ask each question under N seeded orders of steps."
)
@profile_option
@output_options
@click.pass_obj
def matrix(state: State, /, schedules: int | None, *, profile: bool, **chosen: Any) -> int:
    """Run every scenario on every backend and compare the results.

    A full run takes about six minutes. After one round of everything, the remaining time buys extra rounds so that
    results get confidence intervals.

    \b
    Examples:
      harness matrix
      harness matrix --preset quick --backend asyncio --backend 'asyncio:debug=true'
      harness matrix --scenario 'c*' --rounds 3 --json report.json
      harness matrix --scenario 'lock.*' --schedules 200
      harness matrix --profile --preset quick
    """
    from .running import run_and_report  # it loads every stage; other commands need none

    if profile:
        chosen = apply_profile(read_profile(Path()), chosen, state.catalogue.scenarios)
    if schedules is not None:
        chosen["perturb"] = (*chosen["perturb"], f"schedules={schedules}")
    return run_and_report(state, renderer="terminal", asks_orders=is_everything(chosen), **chosen)
