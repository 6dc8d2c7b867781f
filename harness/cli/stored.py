"""The folder of stored runs, the argument that selects one, and the formats of a run."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from harness.journal import RunStore, read_run
from harness.model import JournalError, Run

from .state import State

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


def read_facts(path: Path, state: State) -> Run:
    """Return the run of a folder, of a journal, or of a report that has all its facts.

    Raises:
        JournalError: it is none of them.
    """
    try:
        return read_run(path)
    except JournalError as exc:
        if path.is_dir():
            raise
        return _read_report(path, state, exc)


def _read_report(path: Path, state: State, error: JournalError) -> Run:
    import msgspec

    from harness.host.files import read_regular

    try:
        text = read_regular(path)
    except OSError:
        raise error from None
    reasons = []
    for renderer in state.catalogue.renderers.values():
        try:
            if renderer.read:
                return renderer.read(text)
        except msgspec.DecodeError as exc:
            reasons.append(f"as a {renderer.name} report: {exc}")
    raise JournalError("; ".join((str(error), *reasons))) from None
