"""`harness plan`: what would be run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from harness.plan import make_plan

from .selection import build_request, selection_options
from .state import State


@click.command(name="plan")
@selection_options
@click.pass_obj
def plan(state: State, /, **chosen: Any) -> None:
    """Show the cells that a run would have, without running them.

    \b
    Examples:
      harness plan
      harness plan --scenario channel --param capacity=0,1 --rounds 3
    """
    made = make_plan(build_request(**chosen), state.catalogue)
    rows = Counter(str(cell.row) for cell in made.cells)
    for row, count in sorted(rows.items()):
        click.echo(f"{count:4} × {row}")
    for skipped in made.skipped:
        click.echo(f"   – {skipped.cell.id}: {skipped.reason}")
    labels = {cell.label for cell in made.cells}
    limit = sum(cell.timeout for cell in made.cells)
    click.echo(
        f"{len(made.cells)} cells: {len(rows)} rows on {len(labels)} backends ({', '.join(sorted(labels))}); "
        f"about {2 * len(made.cells)} s if they take 2 s each, at most {limit:.0f} s"
    )
