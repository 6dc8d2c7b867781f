"""Jobs that wait until they are let go: in a thread, and in another process."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from contextlib import suppress
from pathlib import Path


class ThreadGate:
    """A job that waits until it is let go."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._ended = threading.Event()
        self._open = threading.Event()

    def attend(self, most_seconds: float) -> None:
        """Be the job."""
        self._started.set()
        self._open.wait(most_seconds)
        self._ended.set()

    def let_go(self) -> None:
        """End the job, and each that comes later."""
        self._open.set()

    def has_started(self) -> bool:
        """Return whether a job runs, or ran."""
        return self._started.is_set()

    def has_ended(self) -> bool:
        """Return whether a job came to its end."""
        return self._ended.is_set()


class ProcessGate:
    """A gate between processes, made of files in a directory of its own."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def let_go(self) -> None:
        """End the job."""
        (self._directory / _OPEN).touch()

    def has_started(self) -> bool:
        """Return whether the job runs, or ran."""
        return bool(self._process())

    def has_ended(self) -> bool:
        """Return whether the job came to its end."""
        return (self._directory / _ENDED).exists()

    def is_stopped(self) -> bool:
        """Return whether the process of the job has ended, in whatever way."""
        # The only list of children that takes note of those that have ended.
        return self._process() not in {child.pid for child in multiprocessing.active_children()}

    def _process(self) -> int:
        with suppress(FileNotFoundError):
            return int((self._directory / _STARTED).read_text(encoding="ascii") or 0)
        return 0


_STARTED, _OPEN, _ENDED = "started", "open", "ended"
_POLL = 0.002


def attend_process_gate(directory: str, most_seconds: float) -> None:
    """Be the job behind a `ProcessGate`."""
    place = Path(directory)
    (place / _STARTED).write_text(str(os.getpid()), encoding="ascii")
    end = time.monotonic() + most_seconds
    while not (place / _OPEN).exists() and time.monotonic() < end:
        time.sleep(_POLL)
    (place / _ENDED).touch()
