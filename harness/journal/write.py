"""Append run events to a journal, one line each, flushed each."""

from __future__ import annotations

import os
import zlib
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from harness.model import CellFinished, RunEvent, RunFinished, UsageError
from harness.wire import decode_journal_line, encode_line

from . import posix


class JournalWriter:
    """An open journal. `events` counts the lines written so far, `cells` those of them that end a cell."""

    def __init__(self, path: Path, *, is_resumed: bool = False) -> None:
        """Create a journal, or go on with one.

        Raises:
            UsageError: the file is there already, or is not, or cannot be written.
        """
        self._path = path
        self.events = self.cells = self._sum = 0
        try:
            self._file = path.open("r+b" if is_resumed else "xb", buffering=0)
            if not posix.lock(self._file.fileno()):
                self._file.close()
                raise UsageError(
                    f"cannot go on with the journal {path}: another harness is writing it; wait for its end"
                )
            if is_resumed:
                self._go_to_end()
        except OSError as exc:
            what = "go on with" if is_resumed else "create"
            raise UsageError(f"cannot {what} the journal {path}: {exc.strerror}") from exc

    def _go_to_end(self) -> None:
        """Count what is there, and cut off half a line: it says nothing, and what follows it could not be read."""
        whole = self._path.read_bytes()
        *lines, partial = whole.split(b"\n")
        self.events = len(lines)
        self.cells = sum(map(_ends_a_cell, lines))
        self._sum = zlib.crc32(whole[: len(whole) - len(partial)])
        self._file.seek(-len(partial), os.SEEK_END)
        self._file.truncate()

    def write(self, event: RunEvent) -> None:
        """Append one event; it is in the file when this returns.

        Raises:
            UsageError: the file cannot be written (disk full, quota).
        """
        encoded = encode_line(event)
        line = memoryview(encoded)
        try:
            while line:
                line = line[self._file.write(line) or 0 :]
        except OSError as exc:
            raise UsageError(
                f"cannot write the journal {self._path}: {exc.strerror}; when that is mended, to continue: "
                f"harness resume {self._path.parent}"
            ) from exc
        self._sum = zlib.crc32(encoded, self._sum)
        self.events += 1
        self.cells += isinstance(event, CellFinished)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def checksum(self) -> str:
        """CRC-32 of what is in the file so far."""
        return f"{self._sum:08x}"

    def make_footer(self, *, interrupted: bool) -> RunFinished:
        """Return the last line, which proves that what is in the file so far is all there."""
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


def utc_now() -> str:
    """Return the time as it is written in a journal: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ends_a_cell(line: bytes) -> bool:
    try:
        return isinstance(decode_journal_line(line), CellFinished)
    except msgspec.DecodeError:
        return False  # it is damaged; the reader says so
