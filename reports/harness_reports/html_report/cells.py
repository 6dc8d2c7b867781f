"""Everything that is known of the cells of a square."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from harness.api import Judge
from harness.model import (
    Autopsy,
    CellRecord,
    CellSummary,
    Outcome,
    RenderOptions,
    RoleResult,
    RowSummary,
    Run,
    ScenarioCard,
    make_command,
)
from harness_reports.cell_view import error_lines, facts_of, left_lines, samples_of, stall_lines, unhandled_lines
from harness_reports.console import make_lines
from harness_reports.parity_lines import describe_parity
from harness_reports.private import without_paths
from harness_reports.ratio_lines import describe_disparity
from harness_reports.resource_lines import describe_resources
from harness_reports.safe_text import clean, clean_lines, shorten
from harness_reports.value_table import is_table, value_in_table

from .evidence import Output, read_outputs

_MOST_ROUNDS = 3
_MOST_LINES = 120
_MOST_WAITS = 24
_LINE_LENGTH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """An observed list of alike things, such as the steps of a search."""

    name: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleView:
    """What went wrong in a role's process."""

    name: str
    outcome: str
    error: tuple[str, ...]
    unhandled: tuple[str, ...]
    waits: tuple[tuple[str, str], ...]
    """Each task of a hung cell with the event that it waits for."""
    autopsy: tuple[tuple[str, tuple[str, ...]], ...]
    """The autopsy of a hung cell: its task tree and the kernel's view of its processes."""
    stacks: tuple[str, ...]
    stalls: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def is_telling(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.error or self.unhandled or self.autopsy or self.stalls or self.stacks or self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundView:
    """One cell."""

    name: str
    cell_id: str
    fields: tuple[tuple[str, tuple[str, ...]], ...]
    tables: tuple[TableView, ...]
    roles: tuple[RoleView, ...]
    outputs: tuple[Output, ...]
    evidence: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """The cells of a square: all that went wrong, and the first of those that did not."""

    parity: tuple[str, ...]
    """Parity: the fields that must agree before a ratio is reported, and those that differ."""
    rounds: tuple[RoundView, ...]
    more: int
    """Rounds that are left out."""
    weight: int
    """The cells in which something went wrong are kept first if there is not room for everything."""


def view_cell(
    row: RowSummary,
    cell: CellSummary,
    records: Sequence[CellRecord],
    card: ScenarioCard | None,
    run: Run,
    options: RenderOptions,
) -> CellView:
    """Return everything that is known of a square."""
    shown = sorted(records, key=_order)[:_MOST_ROUNDS]
    return CellView(
        parity=(*describe_parity(cell, row.row.scenario, run), *describe_disparity(cell.ratio)),
        rounds=tuple(_view_round(record, card, cell, run, options) for record in shown),
        more=len(records) - len(shown),
        weight=2 if cell.is_unexpected else 1 if cell.findings or cell.known else 0,
    )


def _order(record: CellRecord) -> tuple[bool, bool, int]:
    return record.result.outcome is Outcome.COMPLETED, record.cell.alias, record.cell.round


def _view_round(
    record: CellRecord, card: ScenarioCard | None, square: CellSummary, run: Run, options: RenderOptions
) -> RoundView:
    again = ", again" if record.cell.alias else ""
    several = len(record.result.roles) > 1
    judges = card.judges if card else {}
    fields = [*facts_of(record, card, square), *make_lines("resources", describe_resources(record.result))]
    return RoundView(
        name=f"round {record.cell.round}{again}",
        cell_id=record.cell.id,
        fields=tuple(_join_lines(fields)),
        tables=tuple(_tables(record, judges)),
        roles=tuple(
            role for role in (_view_role(role, several=several) for role in record.result.roles) if role.is_telling
        ),
        outputs=tuple(read_outputs(record.result, options)),
        evidence=record.result.evidence,
        command=make_command(record.cell, run.started.request, run.started.plan.seed),
    )


def _join_lines(fields: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, tuple[str, ...]]]:
    name = ""
    lines: list[str] = []
    for field, value in fields:
        text = shorten(value.plain if isinstance(value, Text) else str(value), _LINE_LENGTH)
        if field:
            if lines:
                yield name, tuple(lines)
            name, lines = field, []
        lines.append(text)
    if lines:
        yield name, tuple(lines)


def _tables(record: CellRecord, judges: dict[str, Judge]) -> Iterable[TableView]:
    for key, values in samples_of(record).items():
        for value in values:
            if is_table(value):
                names = list(dict.fromkeys(name for line in value for name in line))
                lines = [
                    tuple(value_in_table(line[name], judges.get(name)) if name in line else "" for name in names)
                    for line in value[:_MOST_LINES]
                ]
                yield TableView(name=clean(key), columns=tuple(map(clean, names)), lines=tuple(lines))


def _view_role(role: RoleResult, *, several: bool) -> RoleView:
    reason = f": {clean(role.reason)}" if role.reason else ""
    return RoleView(
        name=clean(role.role) if several else "",
        outcome=f"{role.outcome}{reason}",
        error=_cut(error_lines(role)),
        unhandled=_cut(unhandled_lines(role)),
        waits=tuple(map(_split_wait, role.autopsy.waits[:_MOST_WAITS])) if role.autopsy else (),
        autopsy=tuple(_autopsy_parts(role.autopsy)) if role.autopsy else (),
        stacks=_cut(clean_lines(role.stacks)),
        stalls=_cut(stall_lines(role)),
        left=_cut(left_lines(role)),
    )


def _split_wait(text: str) -> tuple[str, str]:
    """Return the task of a line such as `reader waits for read: streams.py:9 in receive_some`, and the rest."""
    task, _, event = clean(text).partition(" waits for ")
    return (task, event) if event else ("", task)


def _autopsy_parts(autopsy: Autopsy) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield "diagnosis", _cut([clean(autopsy.diagnosis), *(f"  {clean(reason)}" for reason in autopsy.reasons)])
    for name, texts in (
        ("last seen of each actor", tuple(map(str, autopsy.last_seen))),
        ("task tree", autopsy.tasks),
        ("descriptors", autopsy.descriptors),
        ("threads", autopsy.threads),
        ("children", autopsy.children),
    ):
        if texts:
            yield name, _cut([line for text in texts for line in clean_lines(text)])


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    kept = [shorten(without_paths(line), _LINE_LENGTH) for line in lines[:_MOST_LINES]]
    more = len(lines) - len(kept)
    return tuple(kept if more <= 0 else [*kept, f"… and {more} more lines"])
