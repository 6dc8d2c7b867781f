"""Unix sockets: plain ones, bound and connected to a path."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Awaitable, Callable

from .scopes import here
from .streams import ByteStream, Listener

_RETRY_SECONDS = 0.005
"""Until a full backlog is tried again: no call waits for a place in it, unless it blocks."""


class UnixListener(Listener):
    """A listening socket on a path. It does not block."""

    __slots__ = ("path",)

    def __init__(self, sock: socket.socket, path: str, *, shutdown: bool) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._shutdown = shutdown
        self.path = path


class ThreadsUnix:
    """Unix sockets of the standard library."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], *, shutdown: bool) -> None:
        self._sleep = sleep
        self._shutdown = shutdown

    async def listen_unix(self, path: str, *, backlog: int | None = None) -> UnixListener:
        """`socket.bind` and `listen`, with the default backlog of `socket.listen`."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.bind(path)
            sock.listen(*([] if backlog is None else [backlog]))
        except BaseException:
            sock.close()
            raise
        return UnixListener(sock, path, shutdown=self._shutdown)

    async def connect_unix(self, path: str) -> ByteStream:
        """`socket.connect`, which blocks if nothing can cancel the task."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            if here.task.scope is None:
                sock.connect(path)
            else:
                await self._connect_cancellable(sock, path)
        except BaseException:
            sock.close()
            raise
        return ByteStream(sock, shutdown=self._shutdown)

    async def _connect_cancellable(self, sock: socket.socket, path: str) -> None:
        sock.setblocking(False)
        while (code := sock.connect_ex(path)) == errno.EAGAIN:
            await self._sleep(_RETRY_SECONDS)
        if code:
            raise OSError(code, os.strerror(code))
        sock.setblocking(True)
