"""Append run events to a journal, one line each, flushed each.

The file that carries the journal's name can be replaced, truncated or deleted while a run writes it: by an editor, by
rsync, by a cleaner of old files. An open file keeps its number, so each write would still succeed, into a file that
nothing can find any more. The writer therefore keeps an unnamed copy and looks at the name before each event.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from harness.host.files import open_regular
from harness.host.homes import shorten_homes
from harness.model import CellFinished, JournalLostError, RunEvent, RunFinished, UsageError
from harness.wire import decode_journal_line, encode_line

from . import posix

_COPIED_BYTES = 1 << 20


class JournalWriter:
    """An open journal. `events` counts the lines written so far, `cells` those of them that end a cell."""

    def __init__(self, path: Path, *, is_resumed: bool = False) -> None:
        """Create a journal, or go on with one.

        Raises:
            UsageError: the file is there already, or is not, or cannot be written.
        """
        self._path = path
        self.events = self.cells = self._sum = self._size = 0
        try:
            fd = open_regular(path, os.O_RDWR if is_resumed else os.O_RDWR | os.O_CREAT | os.O_EXCL)
            self._file = os.fdopen(fd, "r+b", buffering=0)
            if not posix.lock(self._file.fileno()):
                self._file.close()
                raise UsageError(
                    f"cannot go on with the journal {path}: another harness is writing it; wait for its end"
                )
            self._copy = tempfile.TemporaryFile(dir=path.parent, buffering=0)  # noqa: SIM115 - open as long as the run
            if is_resumed:
                self._go_to_end()
        except OSError as exc:
            what = "go on with" if is_resumed else "create"
            raise UsageError(f"cannot {what} the journal {path}: {exc.strerror}") from exc

    def _go_to_end(self) -> None:
        """Count the lines, and cut off half a line: it carries no event, and events after it could not be read."""
        whole = self._path.read_bytes()
        *lines, partial = whole.split(b"\n")
        self.events = len(lines)
        self.cells = sum(map(_ends_a_cell, lines))
        kept = whole[: len(whole) - len(partial)]
        self._sum, self._size = zlib.crc32(kept), len(kept)
        self._file.seek(-len(partial), os.SEEK_END)
        self._file.truncate()
        _write_all(self._copy, kept)

    def write(self, event: RunEvent) -> None:
        """Append one event; it is in the file when this returns.

        Raises:
            UsageError: the file cannot be written (disk full, quota).
            JournalLostError: the file that carries its name is no longer the one that is open, or was cut. All events
                until now are saved in the run folder that the error names.
        """
        if not self._is_in_place():
            raise self._save()
        encoded = shorten_homes(encode_line(event))
        try:
            _write_all(self._file, encoded)
            _write_all(self._copy, encoded)
        except OSError as exc:
            raise UsageError(
                f"cannot write the journal {self._path}: {exc.strerror}; when that is mended, to continue: "
                f"harness resume {self._path.parent}"
            ) from exc
        self._size += len(encoded)
        self._sum = zlib.crc32(encoded, self._sum)
        self.events += 1
        self.cells += isinstance(event, CellFinished)

    def _is_in_place(self) -> bool:
        try:
            named, opened = self._path.stat(), os.fstat(self._file.fileno())
        except OSError:
            return False
        return os.path.samestat(named, opened) and opened.st_size == self._size

    def _save(self) -> JournalLostError:
        """Write the copy into a run folder of its own and go on in that one; the footer still has to follow."""
        lost, cause = self._path, self._describe_loss()
        name = f"{lost.parent.name}-saved"
        for root in (lost.parent.parent, Path(tempfile.gettempdir())):
            with suppress(OSError):
                folder = root / name
                folder.mkdir(parents=True, exist_ok=True)
                file = (folder / lost.name).open("xb", buffering=0)
                self._copy.seek(0)
                _copy_all(self._copy, file)
                self._file.close()
                self._file, self._path = file, folder / lost.name
                return JournalLostError(lost, cause, folder)
        raise UsageError(f"the journal {lost} {cause} while the run wrote it, and no copy of it can be saved")

    def _describe_loss(self) -> str:
        try:
            same = os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return "was deleted"
        return "was changed" if same else "was replaced"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def checksum(self) -> str:
        """CRC-32 of the file so far."""
        return f"{self._sum:08x}"

    def make_footer(self, *, interrupted: bool) -> RunFinished:
        """Return the last line, which proves that the file so far is complete."""
        return RunFinished(
            finished_at=utc_now(),
            events=self.events,
            cells=self.cells,
            interrupted=interrupted,
            checksum=self.checksum,
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._copy.close()


def _write_all(file: BinaryIO, data: bytes) -> None:
    line = memoryview(data)
    while line:
        line = line[file.write(line) or 0 :]


def _copy_all(source: BinaryIO, target: BinaryIO) -> None:
    while data := source.read(_COPIED_BYTES):
        _write_all(target, data)


def utc_now() -> str:
    """Return the time as it is written in a journal: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ends_a_cell(line: bytes) -> bool:
    try:
        return isinstance(decode_journal_line(line), CellFinished)
    except msgspec.DecodeError:
        return False  # it is damaged; the reader reports it
