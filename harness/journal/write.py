"""Append run events to a journal, one line each, flushed each."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.model import CellFinished, RunEvent, UsageError
from harness.wire import decode_journal_line, encode_line


class JournalWriter:
    """An open journal. `events` counts the lines written so far, `cells` those of them that end a cell."""

    def __init__(self, path: Path, *, is_resumed: bool = False) -> None:
        """Create a journal, or go on with one.

        Raises:
            UsageError: the file is there already, or is not, or cannot be written.
        """
        self._path = path
        self.events = self.cells = 0
        try:
            self._file = path.open("r+b" if is_resumed else "xb", buffering=0)
            if is_resumed:
                self._go_to_end()
        except OSError as exc:
            what = "go on with" if is_resumed else "create"
            raise UsageError(f"cannot {what} the journal {path}: {exc.strerror}") from exc

    def _go_to_end(self) -> None:
        """Count what is there, and cut off half a line: it says nothing, and what follows it could not be read."""
        *lines, partial = self._path.read_bytes().split(b"\n")
        self.events = len(lines)
        self.cells = sum(isinstance(decode_journal_line(line), CellFinished) for line in lines)
        self._file.seek(-len(partial), os.SEEK_END)
        self._file.truncate()

    def write(self, event: RunEvent) -> None:
        """Append one event; it is in the file when this returns.

        Raises:
            UsageError: the file cannot be written (disk full, quota).
        """
        line = memoryview(encode_line(event))
        try:
            while line:
                line = line[self._file.write(line) or 0 :]
        except OSError as exc:
            raise UsageError(f"cannot write the journal {self._path}: {exc.strerror}") from exc
        self.events += 1
        self.cells += isinstance(event, CellFinished)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
