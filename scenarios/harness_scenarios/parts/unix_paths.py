"""Paths for Unix sockets, and plain sockets at the other end of them."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 103 if os.uname().sysname == "Darwin" else 107
"""Bytes of a path that the system has room for."""


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a new folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as name:
        yield Path(name)


def path_of(place: Path, length: int) -> str:
    """Return a path of so many bytes in a folder."""
    return str(place / ("x" * (length - len(str(place)) - 1)))


def serve_raw(path: str, backlog: int = 16) -> socket.socket:
    """Listen on a path with a plain socket that does not block."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    sock.bind(path)
    sock.listen(backlog)
    return sock


def dial_raw(path: str) -> socket.socket | None:
    """Connect a plain socket that does not block; nothing where no server takes it."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        return None
    return sock


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    Path(path).unlink(missing_ok=True)


def leave_behind(path: str) -> None:
    """Leave the file of a server that has ended."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
