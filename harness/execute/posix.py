"""Processes on POSIX: die with the runner, adopt orphans, end whole trees and prove it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import psutil

from harness.host.own_limits import die_with

_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

_END_BY_THEMSELVES = 0.5
"""Seconds that a process of a cell may outlive it without being a leftover."""
HELPERS: set[int] = set()
"""Children of this process that work for it and belong to no cell."""
TOKEN_VARIABLE = "HARNESS_CELL_TOKEN"  # noqa: S105 - marks the processes of a cell; not a secret


def adopt_orphans() -> bool:
    """Make this process the one that orphaned descendants fall to; return whether the system can do that."""
    return _LINUX and _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def die_with_parent() -> Callable[[], None] | None:
    """Return a function for the child to call before exec: it makes the kernel kill it when the runner dies (Linux)."""
    if not _LINUX:
        return None
    return partial(die_with, os.getpid())


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Keep SIGINT back in the block; a process that is started in it keeps it back until `unblock_interrupts`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        unblock_interrupts()


def unblock_interrupts() -> None:
    """Let SIGINT through."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def usable_cpus() -> tuple[int, ...]:
    """Return the CPUs that this process may use; none where the system does not report them."""
    return tuple(sorted(os.sched_getaffinity(0))) if _LINUX else ()


def pin(pid: int, cpu: int) -> None:
    """Keep a process on one CPU (Linux only); one that has ended already is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.sched_setaffinity(pid, {cpu})


def shared_file(name: str, size: int = 0) -> int:
    """Return the fd of an unnamed file, of `size` bytes, that a child can share."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create(name)
    else:
        fd, path = tempfile.mkstemp(prefix=name)
        Path(path).unlink()
    os.ftruncate(fd, size)
    return fd


def open_pidfd(pid: int) -> int | None:
    """Return an fd that is readable when the process has ended, where the system has such."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def signal_group(pgid: int, number: signal.Signals) -> None:
    """Signal every process of a group; no error if none is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def signal_process(pid: int, number: signal.Signals) -> None:
    """Signal a process that is our own child and not yet reaped."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def is_stopped(pid: int) -> bool:
    """Return whether a process was stopped by a signal."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def child_pids() -> set[int]:
    """Return the pids of our children, adopted orphans included."""
    if not _LINUX:
        return {process.pid for process in psutil.Process().children()}
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found.update(map(int, (task / "children").read_text().split()))
    return found


def marked_pids(token: str) -> set[int]:
    """Return the processes whose environment carries a cell's token, whoever their parent is."""
    found: set[int] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(TOKEN_VARIABLE) == token:
                found.add(process.pid)
    return found


def sweep(token: str, spared: Iterable[int], *, deadline: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """End every process that a cell left behind.

    Where orphans fall to us, our children that are not in `spared` are the cell's, also when they changed session
    and environment; ending one can orphan its own children to us, so look again until there is none. Elsewhere
    the token in the environment finds them.

    Returns:
        `(ended, survivors)`, each `pid name`.
    """
    spared = set(spared)
    ended: dict[int, str] = {}
    _wait_for_the_last(token, spared, min(deadline, time.monotonic() + _END_BY_THEMSELVES))
    while True:
        left = (child_pids() if _LINUX else marked_pids(token)) - spared
        if not left or time.monotonic() > deadline:
            return tuple(ended.values()), tuple(_label(pid) for pid in sorted(left))
        for pid in left:
            label = _label(pid)
            signal_process(pid, signal.SIGKILL)
            status = reap(pid, deadline)
            if status is not None:
                # What ended by itself meanwhile, or had ended and only waited to be reaped, was no leftover.
                if "(zombie)" not in label and os.WIFSIGNALED(status):
                    ended[pid] = label
            elif not _LINUX:
                ended.setdefault(pid, label)


def _wait_for_the_last(token: str, spared: set[int], deadline: float) -> None:
    """Let processes end that end by themselves: multiprocessing's resource tracker ends when its worker is gone."""
    while time.monotonic() < deadline:
        left = (child_pids() if _LINUX else marked_pids(token)) - spared
        alive = [pid for pid in left if "(zombie)" not in _label(pid)]
        if not alive:
            return
        time.sleep(0.01)


def reap(pid: int, deadline: float) -> int | None:
    """Collect and return the wait status of a child that was killed; nothing if it is not ours or does not end."""
    while True:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if ended == pid:
            return status
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)


def _label(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return f"{pid} (zombie)"
        return f"{pid} {process.name()}"
    except psutil.Error:
        return f"{pid} ?"
