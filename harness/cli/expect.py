"""`harness expect`: accept the findings of a run as expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness.journal import RunStore, read_run
from harness.model import Comparison, Expectation, FindingKind, UsageError

from .expectation_files import read_text
from .plain import one_line
from .state import State
from .stored import out_option, run_argument

if TYPE_CHECKING:
    from tomlkit.items import Table

    from harness.compare import Proposal

_FIELDS = ("scenario", "backends", "finding", "key", "value", "parameters", "reason")


@click.command()
@run_argument
@click.option(
    "--update",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, and remove its stale entries.",
)
@out_option
@click.pass_obj
def expect(_state: State, run_name: str, update: Path | None, out: Path) -> None:
    """Turn unexpected findings of a run into expectations.

    A proposal has no reason, and a file with an empty reason is refused: write why the difference is accepted, and a
    reference if there is one. Add `when` for the versions it holds for, and `expires` for the day of the next review.

    \b
    Examples:
      harness expect
      harness expect latest --update known.toml
      harness matrix --expectations known.toml
    """
    from harness.compare import compare, propose_expectations

    comparison = compare(read_run(RunStore(out).find(run_name)))
    proposed = propose_expectations(comparison)
    if update is None:
        click.echo(update_text("", proposed, {}) or "# nothing unexpected: nothing to propose\n", nl=False)
        return
    try:
        gone = _stale_of(comparison, update)
        text = update_text(_text_of(update), proposed, gone)
    # No file, no UTF-8, no TOML, or other tables (until msgspec 0.20 their error is no ValueError).
    except (OSError, ValueError, TypeError, LookupError, msgspec.ValidationError) as exc:
        raise UsageError(f"cannot read expectations {update}: {one_line(exc)}") from exc
    try:
        update.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {update}: {exc.strerror}") from exc
    reasons = "; write the reason of each" if proposed else ""
    click.echo(f"{update}: {len(proposed)} added, {len(gone)} taken out{reasons}")


def update_text(text: str, proposed: Iterable[Proposal], gone: Mapping[str, set[str]]) -> str:
    """Return the text of a file with proposals added and stale entries removed; the rest is unchanged.

    Args:
        text: the file, as it is.
        proposed: the entries to add.
        gone: the text of each stale expectation, and the backends on which it is stale.
    """
    import tomlkit  # the help of the program shows the summary of every command, and starts without it

    document = tomlkit.parse(text)
    tables = document.setdefault("expected", tomlkit.aot())
    for number in reversed(range(len(tables))):
        stale = gone.get(msgspec.convert(tables[number].unwrap(), Expectation).text, set())
        left = [backend for backend in tables[number]["backends"] if backend not in stale]
        if not left:
            del tables[number]
        elif stale:
            tables[number]["backends"] = left
    for proposal in proposed:
        tables.append(_table(proposal))
    return tomlkit.dumps(document) if len(tables) or "breach" in document else ""


def _table(proposal: Proposal) -> Table:
    import tomlkit

    table = tomlkit.table()
    table.add(tomlkit.comment(one_line(f"seen: {proposal.seen}")))
    for name in _FIELDS:
        value = getattr(proposal.expectation, name)
        if value or name == "reason":
            table[name] = str(value) if isinstance(value, FindingKind) else list(value) if name == "backends" else value
    return table


def _stale_of(comparison: Comparison, file: Path) -> dict[str, set[str]]:
    import tomlkit

    tables = tomlkit.parse(_text_of(file)).unwrap().get("expected", [])
    known = {msgspec.convert(table, Expectation).text for table in tables}
    gone: dict[str, set[str]] = {}
    for finding in comparison.findings:
        if finding.kind is FindingKind.STALE_EXPECTATION and finding.expected in known:
            gone.setdefault(finding.expected, set()).update(finding.backends)
    return gone


def _text_of(file: Path) -> str:
    return read_text(file) if file.exists() else ""
