"""`harness run`: one scenario, looked at closely."""

from __future__ import annotations

from typing import Any

import click

from harness.model import UsageError

from .option_sections import SectionedCommand
from .selection import output_options, preset_option, selection_options
from .state import State


@click.command(cls=SectionedCommand)
@selection_options
@preset_option("")
@output_options
@click.pass_obj
def run(state: State, /, **chosen: Any) -> int:
    """Run one scenario and show every figure.

    \b
    Examples:
      harness run --backend trio --scenario storm
      harness run -b uvloop -b trio -s storm --param mode=rate --param rate=500,2000
      harness run -s storm --server trio --client uvloop
    """
    from .running import run_and_report  # it loads every stage; other commands need none

    if not chosen["scenarios"]:
        raise UsageError("no scenario is named; name one with --scenario NAME (harness list scenarios shows them)")
    return run_and_report(state, renderer="details", **chosen)
