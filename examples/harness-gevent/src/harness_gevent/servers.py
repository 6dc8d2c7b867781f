"""Servers: `gevent.server.StreamServer`, with a pool of greenlets for the handlers."""

from __future__ import annotations

import socket as plain
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer
from greenlet import getcurrent
from harness.api import Handler

from .scopes import Task, here
from .streams import ByteStream
from .structure import LIVE, drive


class Server:
    """A `StreamServer`."""

    def __init__(self, handler: Handler, host: str, port: int, backlog: int | None) -> None:
        self._handler = handler
        self._handlers = Pool()
        chosen = {} if backlog is None else {"backlog": backlog}
        self._server: Any = StreamServer((host, port), self._handle, spawn=self._handlers, **chosen)
        self._server.init_socket()
        self.address: tuple[str, int] = (self._server.server_host, self._server.server_port)

    def _handle(self, sock: plain.socket, address: object) -> None:
        here.task = task = Task(getcurrent(), f"handler of {address}")
        LIVE.add(task)
        drive(self._handler(ByteStream(sock)))

    async def serve_forever(self) -> None:
        """`StreamServer.serve_forever`."""
        self._server.serve_forever()

    async def close(self) -> None:
        """`StreamServer.close`, which stops accepting; the handlers go on."""
        self._server.close()

    async def wait_closed(self) -> None:
        """Join the pool, as `StreamServer.stop` does."""
        self._handlers.join()


class Servers:
    """Servers on gevent's sockets."""

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> Server:
        """`StreamServer(address, handle)`, bound."""
        return Server(handler, host, port, backlog)
