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
    """Run every scenario on every backend and compare the results.

    A full run takes about six minutes. After one round of everything, the remaining time buys extra rounds so that
    results get confidence intervals.

    \b
    Examples:
      harness matrix
      harness matrix --preset quick --backend asyncio --backend 'asyncio:debug=true'
      harness matrix --scenario 'c*' --rounds 3 --json report.json
    """
    from .running import run_and_report  # it loads every stage; other commands need none

    return run_and_report(state, renderer="terminal", **chosen)
