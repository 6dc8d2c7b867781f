"""POSIX calls of a worker: limits of its own process, and options of the sockets that its runtime has opened."""

from __future__ import annotations

import os
import resource
import socket
from contextlib import suppress


def limit_files(number: int) -> None:
    """Lower the soft limit of open files; a number above the hard limit is that limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def set_buffers(fd: int, options: dict[int, int]) -> None:
    """Set options of SOL_SOCKET on a socket that somebody else owns; one that is closed meanwhile is left alone."""
    with suppress(OSError), socket.socket(fileno=os.dup(fd)) as copy:
        for option, size in options.items():
            copy.setsockopt(socket.SOL_SOCKET, option, size)
