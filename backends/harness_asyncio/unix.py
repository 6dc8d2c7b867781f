"""Unix sockets: `asyncio.start_unix_server`, `asyncio.open_unix_connection`; with `io=sock`, the loop's `sock_*`."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from .sockets import SocketListener, SocketStream
from .streams import AsyncioByteStream, AsyncioListener


class UnixListener(AsyncioListener):
    """An `asyncio.Server` on a path, whose connections wait in a queue."""

    __slots__ = ("path",)

    path: str

    async def start_at(self, path: str, options: dict[str, Any]) -> None:
        """Listen, with the options of `asyncio.start_unix_server`."""
        self._server = await asyncio.start_unix_server(self._arrive, path, **options)
        self.path = path


class AsyncioUnix:
    """Unix sockets on asyncio streams."""

    async def listen_unix(self, path: str, *, backlog: int | None = None) -> UnixListener:
        """`asyncio.start_unix_server`."""
        listener = UnixListener()
        await listener.start_at(path, {} if backlog is None else {"backlog": backlog})
        return listener

    async def connect_unix(self, path: str) -> AsyncioByteStream:
        """`asyncio.open_unix_connection`."""
        return AsyncioByteStream(*await asyncio.open_unix_connection(path))


class UnixSocketListener(SocketListener):
    """A listening socket on a path."""

    __slots__ = ("path",)

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, path: str) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self.path = path


class SocketUnix:
    """Unix sockets on the loop's `sock_*` methods."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def listen_unix(self, path: str, *, backlog: int | None = None) -> UnixSocketListener:
        """`socket.bind` and `listen`, with the default backlog of `socket.listen`."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.bind(path)
            sock.listen(*([] if backlog is None else [backlog]))
        except BaseException:
            sock.close()
            raise
        return UnixSocketListener(self._loop, sock, path)

    async def connect_unix(self, path: str) -> SocketStream:
        """`loop.sock_connect`."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, path)
        except BaseException:
            sock.close()
            raise
        return SocketStream(self._loop, sock)
