"""Process state that a parent hands down, set to the values that the program relies on.

A parent may have ignored SIGCHLD, blocked the signals that end a run, closed the standard descriptors or set a umask
that keeps the owner out. Each of these would otherwise surface as an error of every cell.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress

_DELIVERED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM)
_OWNER_BITS = 0o700


def normalise() -> None:
    """Make the state of this process, and of those that it starts, independent of its parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _DELIVERED)
    os.umask(os.umask(0) & ~_OWNER_BITS)
    for fd in range(3):
        _open_if_closed(fd)
    sys.stdout = sys.stdout or _text_of(1)
    sys.stderr = sys.stderr or _text_of(2)


def _open_if_closed(fd: int) -> None:
    try:
        os.fstat(fd)
    except OSError:
        # The lowest free number is taken, so that a pipe of a cell never becomes a standard descriptor.
        with suppress(OSError):  # a host without it is named before anything is run
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != fd:
                os.dup2(opened, fd)
                os.close(opened)


def _text_of(fd: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(fd, "w", closefd=False), errors="replace", write_through=True)
