"""`harness compare`: what changed from one stored run to another, or from one column of a run to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.journal import RunStore
from harness.model import Comparison, Run, UsageError

from .exits import Exit
from .finite import FiniteFloat
from .state import State
from .stored import complete_run, out_option, read_facts

if TYPE_CHECKING:
    from harness.compare.transitions import GateCause, RunChanges

F = TypeVar("F", bound=Callable[..., Any])
Side = tuple[Run, Comparison]
CompareSides = Callable[[Side, Side], "RunChanges"]

_FORMATS = ("text", "markdown", "html", "junit", "github", "json")
_CAUSES = ("bug", "known", "outcome", "slower", "answer", "missing")
_MOST_NAMES = 6


def gate_options(function: F) -> F:
    """Add the options about the report of changes and the exit code."""
    options = (
        click.option(
            "--fail-on",
            "fail_on",
            multiple=True,
            type=click.Choice([*_CAUSES, "any", "nothing"]),
            help="Kinds of change that make the exit code 1 (repeatable) [default: bug, known, outcome, slower].",
        ),
        click.option(
            "--format",
            "-f",
            "format_name",
            type=click.Choice(_FORMATS),
            default="text",
            show_default=True,
            help="Report format; markdown is for a pull request, junit and github for a build server.",
        ),
        click.option(
            "--output",
            "-o",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write to this file instead of stdout.",
        ),
        click.option("--verbose", "-v", is_flag=True, help="Also show unchanged rows."),
    )
    return reduce(lambda command, option: option(command), reversed(options), function)


@click.command()
@click.argument("runs", nargs=-1, metavar="[BEFORE] [AFTER]", shell_complete=complete_run)
@click.option(
    "--columns",
    nargs=2,
    metavar="OLD NEW",
    help="Compare two columns of one run, e.g. --columns uvloop@old uvloop@new.",
)
@click.option(
    "--margin",
    type=FiniteFloat(min=0),
    default=3.0,
    show_default=True,
    metavar="PERCENT",
    help="Treat smaller changes of a figure as no change.",
)
@click.option("--across-machines", is_flag=True, help="Compare figures even if the machines differ.")
@gate_options
@out_option
@click.pass_obj
def compare(
    state: State,
    /,
    runs: tuple[str, ...],
    columns: tuple[str, str] | None,
    margin: float,
    out: Path,
    *,
    across_machines: bool,
    **report: Any,
) -> int:
    """Compare two stored runs; exit with 1 on a regression.

    A bug of the second run counts although it is listed as known. With one run, the other one is the latest. A run may
    also be the JSON report of one. Where other columns have a part of the upgrade, each change has its cause.

    \b
    Examples:
      harness compare 20261121-0628 latest
      harness compare baseline/ .harness/runs/20261121-062831-a1b2 --format markdown
      harness compare before/report.json report.json --fail-on any
      harness compare latest --columns uvloop@old uvloop@new --fail-on bug
    """
    from harness.compare import compare_runs

    store, compare_sides = RunStore(out), partial(compare_runs, across_machines=across_machines, margin=margin / 100)
    if columns:
        changes = compare_columns(_read_one(runs, store, state), columns, compare_sides)
    else:
        changes = _compare_common(compare_sides, _read_runs(runs, store, state))
    return report_changes(changes, **report)


def report_changes(
    changes: RunChanges, *, fail_on: Sequence[str], format_name: str, output: Path | None, verbose: bool
) -> int:
    """Write the changes as `gate_options` ask for, and return the exit code."""
    failing = _failing(fail_on)
    text = _render(changes, format_name, failing, verbose=verbose)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    if any(changes.gate_causes[cause] for cause in failing):
        return Exit.FINDINGS
    return Exit.INCOMPLETE if changes.incomplete else Exit.OK


def _read_runs(names: Sequence[str], store: RunStore, state: State) -> tuple[Side, Side]:
    from harness.compare import compare as judge

    if not 1 <= len(names) <= 2:
        raise UsageError(f"cannot compare {len(names)} runs: name two, or one and it is compared with the latest")
    old, new = (read_facts(store.find(name), state) for name in (*names, "latest")[:2])
    return (old, judge(old)), (new, judge(new))


def _read_one(names: Sequence[str], store: RunStore, state: State) -> Run:
    if len(names) > 1:
        raise UsageError(f"cannot compare columns of {len(names)} runs: --columns takes those of one run")
    return read_facts(store.find(names[0] if names else "latest"), state)


def compare_columns(run: Run, columns: tuple[str, str], compare_sides: CompareSides) -> RunChanges:
    """Return what changes from a column to another one, with causes where other columns tell them."""
    from harness.compare import compare as judge
    from harness.compare import take_columns
    from harness.compare.attribution import attribute, find_halves, list_upgraded, list_versions

    versions = list_versions(run, columns[1])
    old, new = (versions.pop(label, {}) for label in columns)
    halves = find_halves(old, new, versions)
    before, after, *others = take_columns(run, (*columns, *halves.values()), judge)
    changes = _compare_common(compare_sides, (before, after))
    by_half = {name: compare_sides(before, side) for name, side in zip(halves, others, strict=True)}
    return attribute(changes, list_upgraded(old, new), by_half)


def _compare_common(compare_sides: CompareSides, sides: tuple[Side, Side]) -> RunChanges:
    """Compare two runs.

    Raises:
        UsageError: no row ran on the same backend in both runs: they cannot be compared.
    """
    changes = compare_sides(*sides)
    if changes.compared:
        return changes
    what = " and ".join(f"{comparison.run_id} has {_extent_of(comparison)}" for _, comparison in sides)
    raise UsageError(f"nothing to compare: no row ran on the same backend in both: {what}")


def _extent_of(comparison: Comparison) -> str:
    from .plain import name_some

    rows = name_some((str(row.row) for row in comparison.rows), _MOST_NAMES)
    return f"{name_some(comparison.labels, _MOST_NAMES) or 'no backend'} in {rows or 'no row'}"


def _failing(chosen: Sequence[str]) -> tuple[GateCause, ...]:
    from harness.compare.transitions import WORSE, GateCause

    if "nothing" in chosen:
        return ()
    if "any" in chosen:
        return tuple(GateCause)
    return tuple(map(GateCause, chosen)) or WORSE


def _render(changes: RunChanges, format_name: str, failing: Sequence[GateCause], *, verbose: bool) -> str:
    from . import changes_documents, changes_text
    from .documents import ChangesDocument, encode

    match format_name:
        case "json":
            return f"{encode(ChangesDocument.of(changes))}\n"
        case "junit":
            return changes_documents.render_junit(changes, failing)
        case "github":
            return changes_documents.render_github(changes, failing)
        case "html":
            return changes_documents.render_html(changes, verbose=verbose)
        case "markdown":
            return changes_text.render_markdown(changes, verbose=verbose)
        case _:
            return changes_text.render_text(changes, verbose=verbose)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}") from exc
