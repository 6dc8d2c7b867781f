"""`harness compare`: what changed from one stored run to another."""

from __future__ import annotations

from pathlib import Path

import click

from harness.journal import RunStore, read_run

from .exits import Exit
from .stored import complete_run, out_option


@click.command()
@click.argument("before", shell_complete=complete_run)
@click.argument("after", shell_complete=complete_run, default="latest")
@click.option(
    "--format",
    "-f",
    "format_name",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Of the report; markdown is for a pull request.",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    metavar="PERCENT",
    help="A change of a figure that is smaller is none.",
)
@click.option("--across-machines", is_flag=True, help="Compare figures although the machine is another one.")
@out_option
@click.option("--verbose", "-v", is_flag=True, help="Also what did not change.")
def compare(
    before: str,
    after: str,
    format_name: str,
    margin: float,
    out: Path,
    *,
    across_machines: bool,
    verbose: bool,
) -> int:
    """Show what changed from one stored run to another; exit with 1 if something regressed.

    \b
    Examples:
      harness compare 20261121-0628 latest
      harness compare baseline/ .harness/runs/20261121-062831-a1b2 --format markdown
    """
    from harness.compare import compare as judge
    from harness.compare import compare_runs

    from .changes_text import render_changes

    runs = [read_run(RunStore(out).find(name)) for name in (before, after)]
    old, new = ((run, judge(run)) for run in runs)
    changes = compare_runs(old, new, across_machines=across_machines, margin=margin / 100)
    if format_name == "json":
        from .documents import ChangesDocument, encode

        click.echo(encode(ChangesDocument.of(changes)))
    else:
        click.echo(render_changes(changes, markdown=format_name == "markdown", verbose=verbose), nl=False)
    return Exit.FINDINGS if changes.is_regression else Exit.OK
