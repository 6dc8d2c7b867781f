"""`harness merge`: one run of several."""

from __future__ import annotations

from pathlib import Path

import click

from .state import State
from .stored import complete_run, out_option


@click.command()
@click.argument("run_names", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=complete_run)
@out_option
@click.option(
    "--force", is_flag=True, help="Merge despite different seeds or environments; the first run has precedence."
)
@click.option("--verbose", "-v", is_flag=True, help="Also show every observation of every cell.")
@click.pass_obj
def merge(state: State, run_names: tuple[str, ...], out: Path, *, force: bool, verbose: bool) -> int:
    """Merge the partitions of a plan into one run.

    The parts stay as they are. A new run has all their cells, with a copy of the evidence.

    \b
    Examples:
      harness merge 20261121-0628 20261121-0629
      harness merge part-1/20261121-062831-a3f0 part-2/20261121-062902-77be
    """
    from harness.journal import RunStore, merge_runs

    from .running import report_stored

    store = RunStore(out)
    folder = merge_runs([store.find(name) for name in run_names], store, force=force)
    return report_stored(state, folder, verbosity=int(verbose))
