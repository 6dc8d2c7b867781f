"""`harness issue`: a bug report about one cell, ready to paste upstream."""

from __future__ import annotations

import getpass
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness.journal import RunStore, read_run
from harness.model import CellRecord, Comparison, Outcome, Run, UsageError

from .state import State
from .stored import complete_run, out_option

if TYPE_CHECKING:
    from harness.plugins import Catalogue

_MOST_NAMES = 6
_SHARED_NAMES = frozenset(
    {"root", "user", "runner", "admin", "test", "nobody", "ubuntu", "debian", "localhost", "host"}
)
"""Generic user and host names, which identify no person and are also ordinary words."""


@click.command()
@click.argument("run_name", metavar="RUN", shell_complete=complete_run)
@click.argument("cell")
@out_option
@click.pass_obj
def issue(state: State, run_name: str, cell: str, out: Path) -> None:
    """Write an upstream bug report about a cell.

    The report gives the expected and the observed behaviour, the versions, a standalone script where the scenario
    brings one, and the command that repeats the cell. Paths, host and user names are removed; read the report before
    you send it all the same.

    \b
    Examples:
      harness issue latest lock.held-after-cancelled-wait@curio
      harness issue 20261121-0628 'storm[mode=burst]@uvloop' > issue.md
    """
    from harness.compare import compare

    folder = RunStore(out).find(run_name)
    run = read_run(folder)
    record = find_cell(run, cell)
    narrowed, comparison = narrow(run, compare(run), record)
    options = msgspec.structs.replace(state.options(folder, 0), script=script_of(record, state.catalogue))
    text = state.catalogue.renderer("issue").render(narrowed, comparison, options)
    click.echo(without_names(text, platform.node(), _user()), nl=False)


def find_cell(run: Run, text: str) -> CellRecord:
    """Return the cell that a part of an id means; of the rounds of one, the first that did not complete.

    Raises:
        UsageError: there is none, or there are several.
    """
    exact = [record for record in run.records if text in _names_of(record)]
    found = exact or [record for record in run.records if text in record.cell.id]
    if not found:
        raise UsageError(f"cannot find a cell {text!r} in the run; harness show RUN lists its rows")
    squares = list(dict.fromkeys(record.cell.id.rpartition("#")[0].replace("(again)", "") for record in found))
    if len(squares) > 1:
        names = ", ".join(squares[:_MOST_NAMES]) + (", …" if len(squares) > _MOST_NAMES else "")
        raise UsageError(f"{text!r} means {len(squares)} cells: {names}; give more of the id")
    return next((record for record in found if record.result.outcome is not Outcome.COMPLETED), found[0])


def _names_of(record: CellRecord) -> tuple[str, ...]:
    whole = record.cell.id
    return whole, whole.rpartition("#")[0], f"{record.cell.scenario}@{record.cell.label}"


def narrow(run: Run, comparison: Comparison, record: CellRecord) -> tuple[Run, Comparison]:
    """Return the row of a cell with that cell first, and its findings.

    Raises:
        UsageError: nothing is.
    """
    backends = {record.cell.label, *(str(assigned.backend) for assigned in record.cell.roles)}
    findings = tuple(f for f in comparison.findings if f.row == record.cell.row and backends & set(f.backends))
    if not findings:
        what = "has nothing to report: it agrees with the other backends and keeps its contract"
        raise UsageError(f"cell {record.cell.id} {what}; harness show {run.started.run_id} lists the findings")
    others = [other for other in run.records if other.cell.row == record.cell.row and other is not record]
    rows = tuple(row for row in comparison.rows if row.row == record.cell.row)
    return (
        msgspec.structs.replace(run, records=(record, *others)),
        msgspec.structs.replace(comparison.only(findings), rows=rows),
    )


def script_of(record: CellRecord, catalogue: Catalogue) -> str:
    """Return the standalone reproducer of a cell; nothing where its roles differ or a plugin is not installed."""
    from harness.plugins.reproducers import read_script  # pluggy is slow to load

    backends = {assigned.backend for assigned in record.cell.roles}
    scenario = catalogue.scenarios.get(record.cell.scenario)
    spec = backends.pop()
    if scenario is None or backends or spec.name not in catalogue.backends:
        return ""
    return read_script(scenario, catalogue.backend(spec.name), spec)


def without_names(text: str, host: str, user: str) -> str:
    """Return a text without the names of this host and its user, where they stand as words of their own."""
    for name, word in ((host, "HOST"), (host.partition(".")[0], "HOST"), (user, "USER")):
        if len(name) > 1 and name.lower() not in _SHARED_NAMES:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", word, text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may have no name for the user
        return ""
