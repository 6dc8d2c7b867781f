"""`harness plugin check`: does a backend keep the contract?"""

from __future__ import annotations

import io
import sys
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .plain import printable
from .selection import complete_backend
from .state import State

if TYPE_CHECKING:
    from rich.console import Console

    from harness.testing.check import CheckReport, Finding
    from harness.testing.hot_path import OperationCost

_WIDTH = 100
_MOST_CHARACTERS = 300
"""Of an observation, without `--verbose`."""


@click.command()
@click.argument("backend", shell_complete=complete_backend)
@click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    help="Only questions with this in their text or subject, e.g. 'ByteStream' (repeatable); measures no costs.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Also show complete errors and skipped questions.")
@click.pass_obj
def check(state: State, /, *, backend: str, only: tuple[str, ...], as_json: bool, verbose: bool) -> int:
    """Check that a backend keeps the Runtime contract.

    Checks every clause, and that runs report failures. Takes seconds, longer if the backend hangs. Exits with 1
    unless every clause holds; known breaches and the adapter's cost are shown and do not count.

    \b
    Examples:
      harness plugin check mylib
      harness plugin check mylib --only 'Lock*' --only cancel
      harness plugin check asyncio:channel=queue --json
    """
    from harness.testing.check import check_backend

    state.warn_about_broken_plugins()
    report = check_backend(backend, state.catalogue, only, _tell)
    click.echo(_as_json(report) if as_json else _as_text(report, colour=state.colour, verbose=verbose), color=True)
    return Exit.OK if report.passed else Exit.FINDINGS


def _tell(done: int, number: int) -> None:
    """Show how many questions were put, on a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {number} questions" + "\r\x1b[K" * (done == number), nl=False, err=True)


def _as_json(report: CheckReport) -> str:
    from .documents import CheckDocument, encode

    return encode(CheckDocument.of(report))


def _as_text(report: CheckReport, *, colour: bool, verbose: bool) -> str:
    from rich.console import Console

    text = io.StringIO()
    console = Console(
        file=text, width=_WIDTH, force_terminal=colour, no_color=not colour, highlight=False, markup=False
    )
    _print_counts(console, report)
    for first, *others in report.causes:
        _print_broken(console, first, verbose=verbose)
        for other in others:
            console.print(_entry("and", printable(other.question)))
    _print_known(console, report)
    _print_not_asked(console, report, verbose=verbose)
    _print_costs(console, report.costs)
    console.print()
    score = f"{report.held} of {report.asked} hold" + (f", {report.held / report.asked:.1%}" if report.asked else "")
    score += "".join(f", {len(found)} {found[0].verdict}" for found in (report.known, report.stale) if found)
    console.print(f"{report.backend}: {score}", style="green" if report.passed else "red")
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _print_counts(console: Console, report: CheckReport) -> None:
    """Print how many clauses hold, by subject."""
    from rich.table import Table

    from harness.testing.check import Verdict

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("about")
    seen = {finding.verdict for finding in report.findings}
    verdicts = [verdict for verdict in Verdict if verdict in seen or verdict not in (Verdict.KNOWN, Verdict.STALE)]
    for verdict in verdicts:
        table.add_column(verdict.value, justify="right")
    for kind in dict.fromkeys(finding.kind for finding in report.findings):
        found = [finding.verdict for finding in report.findings if finding.kind == kind]
        table.add_row(kind, *(str(found.count(verdict) or "–") for verdict in verdicts))
    console.print(table)


def _print_broken(console: Console, finding: Finding, *, verbose: bool) -> None:
    console.print()
    console.print(f"✗ {printable(finding.question)}", style="bold red")
    seen = finding.error if verbose else shorten(finding.summary, _MOST_CHARACTERS, placeholder=" …")
    for name, text in (
        ("seen", "\n".join(map(printable, seen.splitlines()))),
        ("promised by", f"{finding.about}: {finding.promise}"),
        ("look at", finding.where),
    ):
        if text:
            console.print(_entry(name, text))


def _print_known(console: Console, report: CheckReport) -> None:
    """Print the known breaches, and those that no longer occur."""
    for finding in report.stale:
        console.print()
        console.print(f"✗ {printable(finding.question)}", style="bold red")
        for name, text in (("stale", finding.error), ("declared", finding.known)):
            if text:
                console.print(_entry(name, printable(text)))
    if report.known:
        console.print()
    for finding in report.known:
        console.print(printable(f"– known: {finding.question}"), style="yellow")
        console.print(_entry("because", printable(finding.known)))


def _print_costs(console: Console, costs: tuple[OperationCost, ...]) -> None:
    """Print the adapter's cost between a scenario and its runtime; it is not part of the score."""
    from rich.table import Table

    from harness.testing.hot_path import REFERENCE

    if not costs:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("hot path (for information)")
    for heading in ("adapter's calls", "CPU, ns", f"of {REFERENCE}'s", "95 % interval"):
        table.add_column(heading, justify="right")
    for cost in costs:
        table.add_row(
            cost.operation,
            "–" if cost.calls is None else f"{cost.calls:.3g}",
            "–" if cost.cpu_ns is None else f"{cost.cpu_ns:,.0f}",
            "–" if cost.ratio is None else f"× {cost.ratio:.3g}",
            "–" if cost.low is None or cost.high is None else f"{cost.low:.3g}–{cost.high:.3g}",
        )
    console.print()
    console.print(table)
    for error in dict.fromkeys(cost.error for cost in costs if cost.error):
        console.print(f"– not measured: {printable(error)}", style="dim")


def _print_not_asked(console: Console, report: CheckReport, *, verbose: bool) -> None:
    reasons: dict[str, list[str]] = {}
    for finding in report.findings:
        if finding.verdict == "not asked":
            reasons.setdefault(finding.error, []).append(finding.question)
    if reasons:
        console.print()
    for reason, questions in reasons.items():
        console.print(f"– {len(questions)} not asked: {printable(reason)}", style="dim")
        for question in questions if verbose else ():
            console.print(f"    {printable(question)}", style="dim")


def _entry(name: str, text: str) -> object:
    from rich.table import Table

    entry = Table.grid(padding=(0, 1))
    entry.add_column(width=13)
    entry.add_column(overflow="fold")
    entry.add_row(f"  {name}", text)
    return entry
