"""Unix sockets: `trio.open_unix_socket`, and a `trio.SocketListener` on a socket that is bound to a path."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import trio

from .streams import ByteStream

_BACKLOG = 0xFFFF
"""The default of `trio.open_tcp_listeners`."""


class UnixListener:
    """`trio.SocketListener`."""

    __slots__ = ("_accept", "aclose", "path")

    def __init__(self, listener: trio.SocketListener, path: str) -> None:
        self.path = path
        self._accept = listener.accept
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = listener.aclose

    async def accept(self) -> ByteStream:
        """`SocketListener.accept`."""
        return ByteStream(await self._accept())


class TrioUnix:
    """Unix sockets on trio's streams."""

    async def listen_unix(self, path: str, *, backlog: int | None = None) -> UnixListener:
        """Bind and listen as `trio.open_tcp_listeners` does; trio has no such function for a path."""
        sock = trio.socket.socket(trio.socket.AF_UNIX)
        try:
            await sock.bind(path)
            sock.listen(_BACKLOG if backlog is None else backlog)
            return UnixListener(trio.SocketListener(sock), path)
        except BaseException:
            sock.close()
            raise

    async def connect_unix(self, path: str) -> ByteStream:
        """`trio.open_unix_socket`."""
        return ByteStream(await trio.open_unix_socket(path))
