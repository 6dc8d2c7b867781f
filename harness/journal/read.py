"""Read a journal back as a `Run`, whatever state it is in."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Container, Iterable
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
    CellRetried,
    CellStarted,
    JournalError,
    Observation,
    Outcome,
    RowWork,
    Run,
    RunCalibrated,
    RunEvent,
    RunExtended,
    RunFinished,
    RunResumed,
    RunStarted,
)
from harness.wire import decode_journal_line, decode_line

JOURNAL_NAME = "journal.jsonl"

_DAMAGED_SHOWN = 3


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
        whole = file.read_bytes()
    except OSError as exc:
        raise JournalError(f"cannot read the journal {file}: {exc.strerror or exc}") from exc
    lines, checksum = whole.split(b"\n"), _checksum(whole)
    del whole  # it may be large
    started = _header(file, lines[0])
    events, note = _events(lines)
    return _assemble(started, events, note, is_changed=_is_changed(checksum, events))


def _header(file: Path, line: bytes) -> RunStarted:
    try:
        version: _Version = decode_line(line, _Version)
    except msgspec.DecodeError as exc:
        raise _foreign(file) from exc
    if version.type != "run-started":
        raise _foreign(file)
    if version.format > FORMAT:
        raise JournalError(
            f"cannot read {file}: it has format {version.format}, this harness reads up to {FORMAT}; "
            "install a newer one"
        )
    try:
        event = decode_journal_line(line)
    except msgspec.DecodeError as exc:
        raise JournalError(f"cannot read {file}: line 1: {exc}") from exc
    assert isinstance(event, RunStarted)
    return event


def _foreign(file: Path) -> JournalError:
    return JournalError(
        f"cannot read {file}: line 1 is not the start of a journal; name the folder of a run, or its {JOURNAL_NAME}"
    )


def _events(lines: list[bytes]) -> tuple[list[RunEvent], str]:
    events: list[RunEvent] = []
    damaged: list[str] = []
    for number, line in enumerate(lines[1:-1], start=2):
        try:
            events.append(decode_journal_line(line))
        except msgspec.DecodeError as exc:
            damaged.append(f"line {number} cannot be read ({exc}); it is left out")
    if lines[-1]:
        damaged.append(f"the last line ({len(lines)}) is cut off")
    return events, _brief(damaged)


def _brief(damaged: list[str]) -> str:
    more = len(damaged) - _DAMAGED_SHOWN
    return "; ".join(damaged[:_DAMAGED_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _checksum(whole: bytes) -> str:
    """Return the CRC-32 of the lines before the last whole one."""
    last = whole.rfind(b"\n", 0, max(0, whole.rfind(b"\n"))) + 1
    return f"{zlib.crc32(memoryview(whole)[:last]):08x}"


def _is_changed(checksum: str, events: list[RunEvent]) -> bool:
    """Whether the lines are other ones than the footer was written for, each of them readable all the same."""
    footer = events[-1] if events else None
    return isinstance(footer, RunFinished) and footer.checksum not in ("", checksum)


def _assemble(started: RunStarted, events: list[RunEvent], note: str, *, is_changed: bool) -> Run:
    observations: dict[str, list[Observation]] = defaultdict(list)
    begun: set[str] = set()
    results: dict[str, CellResult] = {}
    finished = 0
    footer: RunFinished | None = None
    works: list[RowWork] = []
    cells, skipped = list(started.plan.cells), list(started.plan.skipped)
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
            case RunExtended():
                cells += event.cells
                skipped += event.skipped
            case RunCalibrated(rows=rows):
                works += rows
                cells = _calibrated(cells, rows, results, started.plan.seed)
            case RunFinished():
                footer = event
            case RunResumed():
                footer = None
            case RunStarted() | CellProgressed() | CellRetried():
                pass
            case _:
                assert_never(event)
    plan = msgspec.structs.replace(started.plan, cells=tuple(cells), skipped=tuple(skipped))
    note = note or _check(footer, len(events), finished, is_changed=is_changed)
    records = tuple(
        CellRecord(
            cell=cell,
            result=results.get(cell.id) or _missing(cell, begun, footer),
            observations=tuple(observations[cell.id]),
        )
        for cell in (*(skip.cell for skip in skipped), *cells)
    )
    started = msgspec.structs.replace(started, plan=plan)
    return Run(started=started, records=records, complete=not note, note=note, works=tuple(works))


def _calibrated(cells: Iterable[Cell], rows: tuple[RowWork, ...], results: Container[str], seed: int) -> list[Cell]:
    works = {work.row: work for work in rows}
    return [
        works[cell.row].assign(cell, seed) if cell.row in works and cell.id not in results else cell for cell in cells
    ]


def _missing(cell: Cell, begun: set[str], footer: RunFinished | None) -> CellResult:
    when = "before the end of" if cell.id in begun else "before"
    what = "the run was interrupted" if footer is not None and footer.interrupted else "the journal ends"
    return CellResult(cell_id=cell.id, outcome=Outcome.NOT_RUN, reason=f"{what} {when} this cell")


def _check(footer: RunFinished | None, lines: int, cells: int, *, is_changed: bool) -> str:
    if footer is None:
        return "the run did not end: the journal has no footer"
    if (footer.events, footer.cells) != (lines, cells):
        return (
            f"the footer counts {footer.events} events and {footer.cells} cells, the journal holds {lines} and {cells}"
        )
    if is_changed:
        return "the journal was changed after it was written: its checksum is another one"
    return "the run was interrupted" if footer.interrupted else ""
