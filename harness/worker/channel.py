"""The worker's end of its pipes to the runner, and the progress page that both share."""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Mapping
from typing import Any

from harness.model.outcome import Observed
from harness.wire import MOST_LINE_BYTES, RoleEnded, Shared, WorkerOrder, decode_line, encode_line

PROGRESS_BYTES = mmap.PAGESIZE
_KEY_KEPT = 200


class Pipe:
    """Messages up, orders down. Every message is written at once, so that a killed cell shows how far it came."""

    def __init__(self, report_fd: int, order_fd: int) -> None:
        self._report_fd = report_fd
        self._order_fd = order_fd
        self._lock = threading.Lock()
        self._partial = b""
        self._shared: dict[str, Any] = {}
        self._ended: set[str] = set()
        os.set_blocking(order_fd, False)
        for fd in (report_fd, order_fd):
            os.set_inheritable(fd, False)  # a child of the scenario must not keep the pipe open

    def send(self, message: object) -> None:
        """Write one message whole. Tasks of any thread may call it."""
        line = memoryview(self._encode(message))
        with self._lock:
            while line:
                line = line[os.write(self._report_fd, line) :]

    def _encode(self, message: object) -> bytes:
        line = encode_line(message)
        if len(line) <= MOST_LINE_BYTES:
            return line
        if isinstance(message, Observed):
            cut = f"… (cut: {len(line):,} bytes, more than the {MOST_LINE_BYTES:,} of a message)"
            return encode_line(Observed(role=message.role, key=message.key[:_KEY_KEPT], value=cut, at=message.at))
        raise ValueError(f"a message of {len(line):,} bytes is longer than the {MOST_LINE_BYTES:,} that are read")

    def shared(self) -> Mapping[str, Any]:
        """Return what other roles have shared so far. Does not wait."""
        self._read_orders()
        return self._shared

    def ended(self) -> set[str]:
        """Return the other roles that have ended so far. Does not wait."""
        self._read_orders()
        return self._ended

    def _read_orders(self) -> None:
        with self._lock:
            try:
                received = os.read(self._order_fd, 65536)
            except BlockingIOError:
                return
            *lines, self._partial = (self._partial + received).split(b"\n")
            for line in lines:
                self._apply(decode_line(line, WorkerOrder))

    def _apply(self, order: WorkerOrder) -> None:
        match order:
            case Shared(key=key, value=value):
                self._shared[key] = value
            case RoleEnded(role=role):
                self._ended.add(role)


def map_progress(fd: int) -> memoryview:
    """Map the progress page, which the runner reads without our help, and write into it who we are.

    Its first 64-bit word counts units of work, the second one is the pid of the worker, the third one counts the
    drivers of the question that are at work.
    """
    page = memoryview(mmap.mmap(fd, PROGRESS_BYTES)).cast("Q")
    os.close(fd)
    page[1] = os.getpid()
    return page
