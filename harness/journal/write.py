"""Append run events to a journal, one line each, flushed each."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from harness.model import CellFinished, RunEvent, UsageError
from harness.wire import encode_line


class JournalWriter:
    """An open journal. `events` counts the lines written so far, `cells` those of them that end a cell."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.events = self.cells = 0
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as exc:
            raise UsageError(f"cannot create the journal {path}: {exc.strerror}") from exc

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
        self._file.close()
