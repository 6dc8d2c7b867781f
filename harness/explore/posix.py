"""Run a part of a batch in a child process, so that damage to the process ends with the child."""

from __future__ import annotations

import json
import logging
import mmap
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

Send = Callable[[Any], None]
"""Sends a message, JSON-able, to the parent."""

_POLL = 0.25
_HANG_EXIT = 3
_MOST_ERROR_BYTES = 4000
_MEBIBYTE = 1 << 20


@dataclass(slots=True)
class Ending:
    """End of a child. `at` is its last position: the number that it had put on the shared page."""

    messages: list[Any] = field(default_factory=list)
    at: int = -1
    hung: bool = False
    reason: str = ""
    """Empty if it has done all that it had to."""


class Page:
    """A number that a child writes and its parent reads, also after the child's death."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    @property
    def number(self) -> int:
        """Current position of the child in its batch."""
        return int(self._memory[0])

    @number.setter
    def number(self, value: int) -> None:
        self._memory[0] = value


def run_in_child(
    body: Callable[[Send, Page], None], on_message: Callable[[Any], None], *, hang_after: float, memory: int
) -> Ending:
    """Run `body` in a fork of this process and return how that ended.

    Args:
        body: work of the child; it keeps its position on the page up to date, and sends messages.
        on_message: sees each message as it comes.
        hang_after: seconds with the same number on the page after which the child is killed.
        memory: bytes of data by which the child may grow.
    """
    page = Page()
    read_fd, write_fd = os.pipe()
    with tempfile.TemporaryFile() as errors:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(read_fd)
            _be_child(body, page, write_fd, errors, memory)
        os.close(write_fd)
        try:
            return _watch(pid, read_fd, page, on_message, hang_after, errors)
        finally:
            os.close(read_fd)


def _be_child(body: Callable[[Send, Page], None], page: Page, write_fd: int, errors: BinaryIO, memory: int) -> None:
    """Run the body and exit, whatever happens."""
    code = 1
    try:
        os.dup2(errors.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        _be_quiet()
        limit_growth(memory)

        def send(message: Any) -> None:
            data = memoryview(json.dumps(message).encode() + b"\n")
            while data:
                data = data[os.write(write_fd, data) :]

        body(send, page)
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it, and must never see this process go on
        with suppress(BaseException):
            traceback.print_exc()
    finally:
        os._exit(code)


def _be_quiet() -> None:
    """Silence warnings about the remains of broken programs; the checks of a program judge those."""
    sys.unraisablehook = lambda _unraisable: None
    warnings.simplefilter("ignore")
    logging.lastResort = None
    logging.raiseExceptions = False


def limit_growth(memory: int) -> None:
    """Let this process have so many bytes of data more than it has."""
    with suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmData"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = kib * 1024 + memory
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))


def _watch(
    pid: int, read_fd: int, page: Page, on_message: Callable[[Any], None], hang_after: float, errors: BinaryIO
) -> Ending:
    ending = Ending()
    partial = b""
    seen, since = page.number, time.monotonic()
    while True:
        ready, _, _ = select.select([read_fd], [], [], _POLL)
        if ready:
            data = os.read(read_fd, 1 << 16)
            if not data:
                break
            *lines, partial = (partial + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                ending.messages.append(message)
                on_message(message)
        if page.number != seen or ready:
            seen, since = page.number, time.monotonic()
        elif time.monotonic() - since > hang_after:
            ending.hung = True
            os.kill(pid, signal.SIGKILL)
            break
    _, status = os.waitpid(pid, 0)
    ending.at = page.number
    ending.reason = _describe_end(status, ending, errors)
    return ending


def _describe_end(status: int, ending: Ending, errors: BinaryIO) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return ""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - _MOST_ERROR_BYTES))
    said = errors.read().decode(errors="replace").strip()
    if ending.hung or code == _HANG_EXIT:
        ending.hung = True
        return f"no progress{chr(10) if said else ''}{said}"
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"{how}\n{said}" if said else how


def end_if_slow(seconds: float, report: Callable[[], None] | None = None) -> None:
    """Arm an alarm that ends this process with its stack on stderr; 0 disarms it.

    `report` may send a last message; it runs in the middle of whatever the process does.
    """

    def ring(_number: int, frame: FrameType | None) -> None:
        if report is not None:
            report()
        traceback.print_stack(frame, limit=12)
        os._exit(_HANG_EXIT)

    if seconds:
        signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def count_fds() -> int:
    """Return how many descriptors this process has, with the one that the count itself needs."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - called for every program


def peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
