"""Run a part of a batch in a child process, so that damage to the process ends with the child."""

from __future__ import annotations

import gc
import json
import logging
import mmap
import os
import resource
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

Send = Callable[[Any], None]
"""Sends a message, JSON-able, to the parent."""

_LOOK = 0.25
"""Seconds between two looks at a child."""
_STACK_LOOKS = 8
"""Looks that a child which hangs gets to write its stack, before it is killed."""
_HANG_EXIT = 3
_MOST_ERROR_BYTES = 4000
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resources of a child for one position of its page. A busy machine uses up none of them."""

    cpu: float = 3.0
    """Seconds of CPU time."""
    sleeps: int = 12
    """Looks at which each of its threads slept; a thread that waits for a CPU does not."""
    memory: int = 256 << 20
    """Bytes of data by which it may grow."""


LIMITS = Limits()


@dataclass(slots=True)
class Ending:
    """End of a child. `at` is its last position: the number that it had put on the shared page."""

    at: int = -1
    hung: bool = False
    reason: str = ""
    """Empty if it has done all that it had to."""


class Page:
    """A number that a child writes and its parent reads, also after the child's death."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
        self.on_hang: Callable[[], None] | None = None
        """Called in a child that hangs, in the middle of whatever it does, before it ends."""

    @property
    def number(self) -> int:
        """Current position of the child in its batch."""
        return int(self._memory[0])

    @number.setter
    def number(self, value: int) -> None:
        self._memory[0] = value


def run_in_child(
    body: Callable[[Send, Page], None],
    on_message: Callable[[Any], None],
    *,
    attend: Callable[[], None],
    limits: Limits = LIMITS,
) -> Ending:
    """Run `body` in a fork of this process and return how that ended.

    Args:
        body: work of the child; it keeps its position on the page up to date, and sends messages.
        on_message: sees each message as it comes.
        attend: called at each look at the child, as a heartbeat of this process.
        limits: resources of the child for one position.
    """
    page = Page()
    read_fd, write_fd = os.pipe()
    with tempfile.TemporaryFile() as errors:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(read_fd)
            _be_child(body, page, write_fd, errors, limits.memory)
        os.close(write_fd)
        try:
            return _Watch(pid, read_fd, page, limits, on_message, attend).follow(errors)
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
        signal.signal(signal.SIGALRM, partial(_end_hung, page))
        _be_quiet()
        gc.freeze()  # a collection looks only at objects of the child
        limit_growth(memory)

        def send(message: Any) -> None:
            data = memoryview(json.dumps(message).encode() + b"\n")
            while data:
                data = data[os.write(write_fd, data) :]

        body(send, page)
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it, and must never see this process go on
        with suppress(BaseException):
            _write_error(traceback.format_exc())
    finally:
        os._exit(code)


def _end_hung(page: Page, _number: int, frame: FrameType | None) -> None:
    """End this process with its stack on stderr."""
    if page.on_hang is not None:
        page.on_hang()
    _write_error("".join(traceback.format_stack(frame, limit=12)))
    os._exit(_HANG_EXIT)


def _write_error(text: str) -> None:
    os.write(2, text.encode(errors="replace"))


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


class _Watch:
    """Follows a child to its end, and ends one that hangs.

    A child hangs when it has used up its CPU time, or has slept in all of its threads for many looks, at one position.
    Time by the clock has no part in this: on a busy machine a healthy child may wait for a CPU for any time.
    """

    def __init__(
        self,
        pid: int,
        read_fd: int,
        page: Page,
        limits: Limits,
        on_message: Callable[[Any], None],
        attend: Callable[[], None],
    ) -> None:
        self._pid = pid
        self._read_fd = read_fd
        self._page = page
        self._limits = limits
        self._on_message = on_message
        self._attend = attend
        self._ending = Ending()
        self._partial = b""
        self._position = page.number
        self._cpu, self._sleeps = read_usage(pid).cpu, 0
        self._asked = 0
        """Looks since it was asked for its stack."""

    def follow(self, errors: BinaryIO) -> Ending:
        """Take its messages until it has ended."""
        looked = time.monotonic()
        while True:
            ready, _, _ = select.select([self._read_fd], [], [], _LOOK)
            if ready and not self._take_messages():
                break
            if time.monotonic() - looked >= _LOOK:
                looked = time.monotonic()
                self._look()
        _, status = os.waitpid(self._pid, 0)
        self._ending.at = self._page.number
        self._ending.reason = _describe_end(status, self._ending, errors)
        return self._ending

    def _take_messages(self) -> bool:
        """Return whether more may come."""
        data = os.read(self._read_fd, 1 << 16)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._on_message(json.loads(line))
        return bool(data)

    def _look(self) -> None:
        self._attend()
        usage = read_usage(self._pid)
        if self._page.number != self._position:
            self._position, self._cpu, self._sleeps = self._page.number, usage.cpu, 0
        self._sleeps += usage.sleeps
        if self._asked:
            self._asked += 1
            if self._asked > _STACK_LOOKS:
                os.kill(self._pid, signal.SIGKILL)
        elif self._sleeps >= self._limits.sleeps or usage.cpu - self._cpu >= self._limits.cpu:
            self._ending.hung = True
            self._asked = 1
            os.kill(self._pid, signal.SIGALRM)


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds of a process so far, and whether each of its threads sleeps at the moment."""

    cpu: float
    sleeps: bool


def read_usage(pid: int | str) -> Usage:
    """Return the usage of a process; where the kernel does not report it, one that always sleeps."""
    fields = _read_stat(Path(f"/proc/{pid}"))
    if not fields:
        return Usage(0.0, True)
    ticks = int(fields[11]) + int(fields[12])
    states = [_read_stat(task)[:1] for task in Path(f"/proc/{pid}/task").iterdir()]
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), all(state in (["S"], ["Z"], []) for state in states))


def others_sleep() -> bool:
    """Return whether every other thread of this process sleeps; one that waits for a CPU does not."""
    own = str(threading.get_native_id())
    with suppress(OSError):
        others = (task for task in Path("/proc/self/task").iterdir() if task.name != own)
        return all(_read_stat(task)[:1] in (["S"], []) for task in others)
    return True


def _read_stat(folder: Path) -> list[str]:
    """Return the fields behind the name of a process or a thread, its state first; none if it is not there."""
    with suppress(OSError):
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return []


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


def count_fds() -> int:
    """Return how many descriptors this process has, with the one that the count itself needs."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - called for every program


def peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
