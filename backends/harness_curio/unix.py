"""Unix sockets: `curio.unix_server_socket` and `curio.open_unix_connection`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import curio
from curio.network import unix_server_socket

from .streams import ByteStream


class UnixListener:
    """`curio.io.Socket`, listening on a path."""

    __slots__ = ("_accept", "aclose", "path")

    def __init__(self, sock: Any, path: str) -> None:
        self.path = path
        self._accept = sock.accept
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = sock.close

    async def accept(self) -> ByteStream:
        """`Socket.accept`."""
        client, _ = await self._accept()
        return ByteStream(client)


class CurioUnix:
    """Unix sockets on curio's sockets."""

    async def listen_unix(self, path: str, *, backlog: int | None = None) -> UnixListener:
        """`unix_server_socket`; curio's default backlog is 100."""
        chosen = {} if backlog is None else {"backlog": backlog}
        return UnixListener(unix_server_socket(path, **chosen), path)

    async def connect_unix(self, path: str) -> ByteStream:
        """`curio.open_unix_connection`."""
        return ByteStream(await curio.open_unix_connection(path))
