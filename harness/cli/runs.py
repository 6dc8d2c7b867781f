"""`harness runs`: the stored runs, the latest last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.journal import RunStore

from .plain import name_some, say
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.session.run_index import IndexedRun

_MOST_LABELS = 5


@click.command()
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="Show the latest N runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@out_option
@click.pass_obj
def runs(state: State, limit: int, out: Path, *, as_json: bool) -> None:
    """List stored runs: when, what, verdict.

    The list comes from an index in the folder of the runs, which is made again from the journals where it is stale.

    \b
    Examples:
      harness runs
      harness runs -n 5 --json
    """
    from harness.session.run_index import RunIndex

    with RunIndex(RunStore(out)) as index:
        found = index.runs()[-limit:]
    if as_json:
        documents: list[dict[str, Any]] = [
            {name: getattr(run, name) for name in run.__dataclass_fields__} | {"verdict": run.verdict} for run in found
        ]
        say(json.dumps(documents, indent=2))
        return
    if not found:
        say(f"no run in {out}; to make one: harness matrix")
    for number, run in enumerate(found):
        place = len(found) - 1 - number
        name = "latest" if place == 0 else f"latest~{place}"
        when = run.started_at[:16].replace("T", " ")
        say(f"{run.name}  {name:>9}  {when:16}  {run.verdict:20}  {run.problem or describe_extent(run)}")
    del state


def describe_extent(run: IndexedRun) -> str:
    """Return how much a run asked, of which backends."""
    rows, cells = (f"{count} {noun}{'s' * (count != 1)}" for count, noun in ((run.rows, "row"), (run.cells, "cell")))
    return f"{rows}, {cells} on {name_some(run.labels, _MOST_LABELS)}"
