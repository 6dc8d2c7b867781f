"""Faults of the host that look like faults of a runtime: no port, no loopback, no room, too few files or processes.

An error suggests a cause, and a look at the host with plain sockets and files confirms it: an error that cannot be
shown again stays the runtime's.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.host.homes import shorten_home
from harness.host.process_room import find_shortage, is_shortage
from harness.model.errors import UsageError

FEWEST_FILES = 256
"""Open files that a process must be allowed; with fewer, running out of them says nothing of a runtime."""
_FEWEST_OF_THE_RUNNER = 24
"""Open files with which a run can start a cell at all, and read its reports."""
_NETWORK = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_THE_RUNNER = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, *_FULL})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_LOOPBACK = "127.0.0.1"
_SAMPLE_BYTES = 1 << 16
_DEEPEST = 20


def require_host() -> None:
    """Raise `UsageError` if this host lacks something without which no cell can be run."""
    if missing := _find_missing():
        raise UsageError(f"cannot run cells here: {missing}")


def _find_missing() -> str:
    if sys.platform == "linux" and not Path("/proc/self/stat").exists():
        return "this host has no /proc; mount it: mount -t proc proc /proc"
    try:
        os.close(os.open(os.devnull, os.O_RDWR))
    except OSError as exc:
        return (
            f"{os.devnull} cannot be opened ({exc.strerror}); mount /dev, or make it: mknod -m 666 {os.devnull} c 1 3"
        )
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= allowed < _FEWEST_OF_THE_RUNNER:
        return f"this host allows {allowed} open files, fewer than {_FEWEST_OF_THE_RUNNER}: ulimit -n {FEWEST_FILES}"
    return ""


def explain_host_fault(exc: BaseException) -> str:
    """Return which fault of the host an exception comes from, if a look at the host shows it; else nothing."""
    return next((cause for error in _errors_of(exc, 0) if (cause := _explain(error))), "")


def explain_runner_error(exc: BaseException) -> str:
    """Return which fault of the host kept the runner from its work; nothing for any other error."""
    if isinstance(exc, MemoryError):
        return "this host cannot run it: there is no memory left for the runner (ulimit -v)"
    if isinstance(exc, OSError) and exc.errno in _DENIED and exc.filename is not None:
        return f"this host cannot run it: {exc.strerror}: {shorten_home(str(exc.filename))}"
    if isinstance(exc, OSError) and exc.errno in _OF_THE_RUNNER:
        why = find_shortage() if exc.errno == errno.EAGAIN else ""
        return f"this host cannot run it: {why or exc.strerror}"
    return explain_host_fault(exc)


def find_network_fault() -> str:
    """Return why two plain sockets cannot meet over loopback, or an empty string."""
    with socket.socket() as server, socket.socket() as client:
        client.settimeout(1.0)
        try:
            server.bind((_LOOPBACK, 0))
            server.listen()
        except OSError as exc:
            return _explain_network(exc, errno.EADDRINUSE, "bound")
        try:
            client.connect(server.getsockname())
        except OSError as exc:
            return _explain_network(exc, errno.EADDRNOTAVAIL, "reached")
    return ""


def _explain_network(exc: OSError, without_port: int, done: str) -> str:
    if exc.errno == without_port:
        return _no_port(exc)
    return f"loopback is down: {_LOOPBACK} cannot be {done} ({exc.strerror})"


def _no_port(exc: OSError) -> str:
    why = "connections that were closed keep their ports for a minute (TIME_WAIT); wait, or widen ip_local_port_range"
    return f"this host has no free port ({exc.strerror}): {why}"


def _explain(error: BaseException) -> str:
    if is_shortage(error):
        return find_shortage()
    return _explain_system_error(error) if isinstance(error, OSError) else ""


def _explain_system_error(error: OSError) -> str:
    if error.errno == errno.EAGAIN:
        return find_shortage()
    if error.errno in _NETWORK:
        return find_network_fault()
    if error.errno == errno.EMFILE and 0 <= (allowed := _read_allowed_files()) < FEWEST_FILES:
        return f"this host allows {allowed} open files; {FEWEST_FILES} are needed: ulimit -n {FEWEST_FILES}"
    if error.errno == errno.ENFILE:
        return "this host has no file handle left (ENFILE, fs.file-max)"
    if error.errno in _FULL:
        return _find_full_disk()
    if (
        error.errno == errno.ENOENT
        and str(error.filename).startswith("/proc/")
        and not Path("/proc/self/stat").exists()
    ):
        return "this host has no /proc"
    return ""


def _read_allowed_files() -> int:
    """Return the limits of the runner, which started this process: a cell and its scenario may lower their own."""
    try:
        return resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)[0]
    except (AttributeError, OSError):  # not Linux, or the runner is gone
        return resource.RLIM_INFINITY


def _find_full_disk() -> str:
    for folder in dict.fromkeys((tempfile.gettempdir(), str(Path.cwd()))):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0" * _SAMPLE_BYTES)
        except OSError as exc:
            if exc.errno in _FULL:
                return f"the disk of {folder} is full"
    return ""


def _errors_of(exc: BaseException, depth: int) -> Iterator[BaseException]:
    """Yield an exception, its leaves and its causes."""
    if depth > _DEEPEST:
        return
    yield exc
    if isinstance(exc, BaseExceptionGroup):
        for leaf in exc.exceptions:
            yield from _errors_of(leaf, depth + 1)
    if exc.__cause__ is not None:
        yield from _errors_of(exc.__cause__, depth + 1)
