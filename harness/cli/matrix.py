"""`harness matrix`: everything on everything."""

from __future__ import annotations

from typing import Any

import click

from .selection import output_options, preset_option, selection_options
from .state import State


@click.command()
@selection_options
@preset_option("default")
@output_options
@click.pass_obj
def matrix(state: State, /, **chosen: Any) -> int:
    """Run every scenario on every backend; show where they diverge or hang, and their figures.

    Everything takes about six minutes: what one round leaves of them goes to further rounds, for intervals.

    \b
    Examples:
      harness matrix
      harness matrix --preset quick --backend asyncio --backend 'asyncio:debug=true'
      harness matrix --scenario 'c*' --rounds 3 --json report.json
    """
    from .running import run_and_report  # it loads every stage; other commands need none

    return run_and_report(state, renderer="terminal", **chosen)
