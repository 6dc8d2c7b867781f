"""Read a journal back as a `Run`, whatever state it is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

import msgspec

from harness.model import (
    FORMAT,
    Cell,
    CellFinished,
    CellObserved,
    CellProgressed,
    CellRecord,
    CellResult,
    CellStarted,
    JournalError,
    Observation,
    Outcome,
    Run,
    RunEvent,
    RunExtended,
    RunFinished,
    RunResumed,
    RunStarted,
    SkippedCell,
)
from harness.wire import decode_journal_line

JOURNAL_NAME = "journal.jsonl"

_UNREADABLE = (msgspec.DecodeError, RecursionError)
"""What decoding a line of any content raises; nested too deeply is the second."""


class _Version(msgspec.Struct):
    type: str
    format: int


def read_run(path: Path) -> Run:
    """Return the run of a journal, or of the folder that holds it.

    A journal that was cut off is read as far as it goes: `Run.complete` is false and `Run.note` says what is wrong.

    Raises:
        JournalError: there is no journal, or it is not one of ours, or of a newer format.
    """
    file = path / JOURNAL_NAME if path.is_dir() else path
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as exc:
        raise JournalError(f"cannot read the journal {file}: {exc.strerror or exc}") from exc
    started = _header(file, lines[0])
    events, note = _events(lines)
    return _assemble(started, events, note)


def _header(file: Path, line: bytes) -> RunStarted:
    try:
        version = msgspec.json.decode(line, type=_Version)
    except _UNREADABLE as exc:
        raise JournalError(f"cannot read {file}: line 1 is not the start of a journal") from exc
    if version.type != "run-started":
        raise JournalError(f"cannot read {file}: line 1 is not the start of a journal")
    if version.format > FORMAT:
        raise JournalError(
            f"cannot read {file}: it has format {version.format}, this harness reads up to {FORMAT}; "
            "install a newer one"
        )
    try:
        event = decode_journal_line(line)
    except _UNREADABLE as exc:
        raise JournalError(f"cannot read {file}: line 1: {exc}") from exc
    assert isinstance(event, RunStarted)
    return event


def _events(lines: list[bytes]) -> tuple[list[RunEvent], str]:
    events: list[RunEvent] = []
    for number, line in enumerate(lines[1:-1], start=2):
        try:
            events.append(decode_journal_line(line))
        except _UNREADABLE as exc:
            return events, f"line {number} cannot be read ({exc}); what follows it is left out"
    if lines[-1]:
        return events, f"the last line ({len(lines)}) is cut off"
    return events, ""


def _assemble(started: RunStarted, events: list[RunEvent], note: str) -> Run:
    observations: dict[str, list[Observation]] = defaultdict(list)
    begun: set[str] = set()
    results: dict[str, CellResult] = {}
    finished = 0
    footer: RunFinished | None = None
    for event in events:
        match event:
            case CellObserved(cell_id=cell_id, observation=observation):
                observations[cell_id].append(observation)
            case CellStarted(cell_id=cell_id):
                begun.add(cell_id)
                observations[cell_id].clear()  # of an earlier start, in a run that was resumed
            case CellFinished(result=result):
                results[result.cell_id] = result
                finished += 1
            case RunExtended(cells=cells, skipped=skipped):
                started = _extended(started, cells, skipped)
            case RunFinished():
                footer = event
            case RunResumed():
                footer = None
            case RunStarted() | CellProgressed():
                pass
            case _:
                assert_never(event)
    note = note or _check(footer, len(events), finished)
    records = tuple(
        CellRecord(
            cell=cell,
            result=results.get(cell.id) or _missing(cell, begun, footer),
            observations=tuple(observations[cell.id]),
        )
        for cell in _cells(started)
    )
    return Run(started=started, records=records, complete=not note, note=note)


def _extended(started: RunStarted, cells: tuple[Cell, ...], skipped: tuple[SkippedCell, ...]) -> RunStarted:
    plan = started.plan
    longer = msgspec.structs.replace(plan, cells=(*plan.cells, *cells), skipped=(*plan.skipped, *skipped))
    return msgspec.structs.replace(started, plan=longer)


def _cells(started: RunStarted) -> Iterator[Cell]:
    yield from (skipped.cell for skipped in started.plan.skipped)
    yield from started.plan.cells


def _missing(cell: Cell, begun: set[str], footer: RunFinished | None) -> CellResult:
    when = "before the end of" if cell.id in begun else "before"
    what = "the run was interrupted" if footer is not None and footer.interrupted else "the journal ends"
    return CellResult(cell_id=cell.id, outcome=Outcome.NOT_RUN, reason=f"{what} {when} this cell")


def _check(footer: RunFinished | None, lines: int, cells: int) -> str:
    if footer is None:
        return "the run did not end: the journal has no footer"
    if (footer.events, footer.cells) != (lines, cells):
        return (
            f"the footer counts {footer.events} events and {footer.cells} cells, the journal holds {lines} and {cells}"
        )
    return "the run was interrupted" if footer.interrupted else ""
