"""The folder of stored runs, and the argument that selects one."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from harness.journal import RunStore

RUNS = Path(".harness/runs")
"""Default folder of runs."""

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RUNS,
    show_default=True,
    help="Folder that holds the runs.",
)


def complete_run(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a stored run."""
    names = [path.name for path in RunStore(RUNS).runs()]
    return [CompletionItem(name) for name in ("latest", *names) if name.startswith(incomplete)]


run_argument = click.argument("run_name", metavar="RUN", default="latest", shell_complete=complete_run)
