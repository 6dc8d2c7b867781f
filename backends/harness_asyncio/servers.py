"""Servers: `asyncio.start_server`, `serve_forever`, `close` and `wait_closed`."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.api import Handler

from .streams import AsyncioByteStream


class AsyncioServer:
    """An `asyncio.Server`. It serves at once: `start_serving` is true, as in asyncio's documentation."""

    __slots__ = ("_server", "address", "serve_forever", "wait_closed")

    address: tuple[str, int]

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.serve_forever = server.serve_forever
        self.wait_closed = server.wait_closed
        host, port, *_ = server.sockets[0].getsockname()
        self.address = (host, port)

    async def close(self) -> None:
        """`Server.close`."""
        self._server.close()


class AsyncioServers:
    """Servers on asyncio streams."""

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> AsyncioServer:
        """`asyncio.start_server` with a coroutine function, so that asyncio makes the task of each connection."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await handler(AsyncioByteStream(reader, writer))

        options: dict[str, Any] = {} if backlog is None else {"backlog": backlog}
        return AsyncioServer(await asyncio.start_server(connected, host, port, **options))
