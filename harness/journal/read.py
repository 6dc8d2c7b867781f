"""Read a journal back as a `Run`, whatever state it is in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.host.files import read_first_line, read_regular
from harness.model import FORMAT, JournalError, Run, RunEvent, RunFinished, RunStarted
from harness.wire import decode_journal_line, decode_line

from .assembly import RunAssembly

JOURNAL_NAME = "journal.jsonl"

_DAMAGED_SHOWN = 3


class _Version(msgspec.Struct):
    type: str
    format: int


def read_run(path: Path) -> Run:
    """Return the run of a journal, or of the folder that holds it.

    A journal that was cut off is read as far as it goes: `Run.complete` is false and `Run.note` describes the problem.

    Raises:
        JournalError: there is no journal, or it is not one of ours, or of a newer format.
    """
    started, events, note, checksum = _read(path)
    assembly = RunAssembly(started)
    for event in events:
        assembly.see(event)
    return assembly.run(note or _check(assembly, is_changed=_is_changed(checksum, events)))


def read_header(path: Path) -> RunStarted:
    """Return the first line of a journal, without the rest of it.

    Raises:
        JournalError: as for `read_run`.
    """
    file = path / JOURNAL_NAME if path.is_dir() else path
    try:
        line = read_first_line(file)
    except OSError as exc:
        raise JournalError(f"cannot read the journal {file}: {exc.strerror or exc}") from exc
    return _header(file, line)


def read_events(path: Path) -> Iterator[RunEvent]:
    """Return the events of a journal in their order, to replay the run; a line that cannot be read is left out.

    Raises:
        JournalError: as for `read_run`.
    """
    started, events, _note, _checksum = _read(path)
    return iter((started, *events))


def _read(path: Path) -> tuple[RunStarted, list[RunEvent], str, str]:
    """Return the header of a journal, the events after it, the problems of its lines, and their checksum."""
    file = path / JOURNAL_NAME if path.is_dir() else path
    try:
        whole = read_regular(file)
    except OSError as exc:
        raise JournalError(f"cannot read the journal {file}: {exc.strerror or exc}") from exc
    lines, checksum = whole.split(b"\n"), _checksum(whole)
    del whole  # it may be large
    return _header(file, lines[0]), *_events(lines), checksum


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


def _check(assembly: RunAssembly, *, is_changed: bool) -> str:
    footer, lines, cells = assembly.footer, assembly.events, assembly.results
    if footer is None:
        return "the run did not end: the journal has no footer"
    # The footer counts the header and not itself, the assembly does it the other way round.
    if (footer.events, footer.cells) != (lines, cells):
        return (
            f"the footer counts {footer.events} events and {footer.cells} cells, the journal holds {lines} and {cells}"
        )
    if is_changed:
        return "the journal was changed after it was written: its checksum is another one"
    return "the run was interrupted" if footer.interrupted else ""
