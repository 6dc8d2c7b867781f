"""POSIX calls: limits of a process, its open sockets and their options, affinity."""

from __future__ import annotations

import os
import resource
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress


def has_affinity() -> bool:
    """Return whether this system can keep a process on a CPU."""
    return hasattr(os, "sched_setaffinity")


def limit_files(number: int) -> None:
    """Lower the soft limit of open files; a number above the hard limit is that limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_sockets() -> Iterator[int]:
    """Yield the descriptors of this process that are sockets."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names, not paths
        with suppress(OSError):  # closed meanwhile, as the one that listed them
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                yield int(name)


def set_socket_option(fd: int, option: int, value: int) -> None:
    """Set an option of SOL_SOCKET on a socket that something else owns; one that is closed meanwhile is left alone."""
    with suppress(OSError), socket.socket(fileno=os.dup(fd)) as copy:
        copy.setsockopt(socket.SOL_SOCKET, option, value)
