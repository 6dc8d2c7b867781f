"""`harness expect`: accept what a run found as expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click
import msgspec
import tomlkit
from tomlkit.items import Table

from harness.journal import RunStore, read_run
from harness.model import Comparison, Expectation, FindingKind, UsageError

from .state import State
from .stored import out_option, run_argument

_FIELDS = ("scenario", "backends", "finding", "key", "value", "parameters", "reason", "reference")


@click.command()
@run_argument
@click.option(
    "--update", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, and take out what is stale."
)
@out_option
@click.pass_obj
def expect(_state: State, run_name: str, update: Path | None, out: Path) -> None:
    """Propose the unexpected findings of a run as expected divergences.

    A proposal has the reason and the reference that the finding has. Read it before you accept it: add `when` for
    the versions it holds for, and `expires` for the day on which somebody should look again.

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
    gone = _stale_of(comparison, update)
    try:
        update.write_text(update_text(_text_of(update), proposed, gone), encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {update}: {exc.strerror}") from exc
    click.echo(f"{update}: {len(proposed)} added, {len(gone)} taken out")


def update_text(text: str, proposed: Iterable[Expectation], gone: Mapping[str, set[str]]) -> str:
    """Return the text of a file with proposals added and what is stale taken out; the rest stays as it is.

    Args:
        text: the file, as it is.
        proposed: what is added.
        gone: the text of each stale expectation, and the backends on which it is stale.
    """
    document = tomlkit.parse(text)
    tables = document.setdefault("expected", tomlkit.aot())
    for number in reversed(range(len(tables))):
        stale = gone.get(msgspec.convert(tables[number].unwrap(), Expectation).text, set())
        left = [backend for backend in tables[number]["backends"] if backend not in stale]
        if not left:
            del tables[number]
        elif stale:
            tables[number]["backends"] = left
    for expectation in proposed:
        tables.append(_table(expectation))
    return tomlkit.dumps(document) if len(tables) or "breach" in document else ""


def _table(expectation: Expectation) -> Table:
    table = tomlkit.table()
    for name in _FIELDS:
        value = getattr(expectation, name)
        if value:
            table[name] = str(value) if isinstance(value, FindingKind) else list(value) if name == "backends" else value
    return table


def _stale_of(comparison: Comparison, file: Path) -> dict[str, set[str]]:
    from harness.plugins.known import read_expectations

    known = {expectation.text for expectation in read_expectations(file)} if file.exists() else set()
    gone: dict[str, set[str]] = {}
    for finding in comparison.findings:
        if finding.kind is FindingKind.STALE_EXPECTATION and finding.expected in known:
            gone.setdefault(finding.expected, set()).update(finding.backends)
    return gone


def _text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
