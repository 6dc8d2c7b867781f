"""The watcher of a run, seen from the runner: it ends the processes of a runner that is killed (`reaper`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from harness.host.faults import explain_runner_error
from harness.model import HelperContinued, RunEvent

from . import posix, reaper

_FAREWELL_SECONDS = 5.0


@contextmanager
def watched() -> Iterator[Watcher]:
    """Have the processes that this one starts in the block be ended also if it is killed itself (Linux only)."""
    before = os.environ.get(reaper.RUN_VARIABLE, "")
    token = os.environ[reaper.RUN_VARIABLE] = uuid.uuid4().hex
    watcher = Watcher(token)
    try:
        watcher.find_fault()
        yield watcher
    finally:
        os.environ[reaper.RUN_VARIABLE] = before
        watcher.end()


class Watcher:
    """The watcher, whatever becomes of its process."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None
        self._notes: list[RunEvent] = []

    def find_fault(self) -> str:
        """Look after its process: one that was stopped is continued, one that is gone is replaced.

        Returns:
            why none can be started, as then no cell can either; else an empty string.
        """
        if sys.platform != "linux":
            return ""
        if self._process is not None and self._process.poll() is not None:
            posix.HELPERS.discard(self._process.pid)
            self._process.communicate()
            self._process = None
        if self._process is None:
            return self._start()
        if posix.is_stopped(self._process.pid):
            self._process.send_signal(signal.SIGCONT)
            self._notes.append(HelperContinued(helper="the watcher of this run"))
        return ""

    def _start(self) -> str:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", reaper.__file__, self._token],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as exc:
            return explain_runner_error(exc) or str(exc)
        posix.HELPERS.add(self._process.pid)
        return ""

    def take_notes(self) -> list[RunEvent]:
        """Return the events since the last call."""
        taken, self._notes = self._notes, []
        return taken

    def end(self) -> None:
        """Dismiss its process; to one that is gone that is no error."""
        if self._process is None:
            return
        posix.HELPERS.discard(self._process.pid)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.communicate(reaper.FAREWELL, _FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
