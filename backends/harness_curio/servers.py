"""Servers: `curio.tcp_server_socket` and `curio.network.run_server`, which together are `curio.tcp_server`."""

from __future__ import annotations

from typing import Any

import curio
from curio.network import run_server

from harness.api import Handler

from .streams import ByteStream


class CurioServer:
    """A task that runs `curio.network.run_server`. To close is to cancel it; curio has no server object."""

    def __init__(self, sock: Any, handler: Handler) -> None:
        self._sock = sock
        self._handler = handler
        self._task: Any = None
        self._ended = curio.Event()
        host, port, *_ = sock.getsockname()
        self.address: tuple[str, int] = (host, port)

    async def serve_forever(self) -> None:
        """Run the server in a task, and wait until that has ended."""
        self._task = task = await curio.spawn(run_server, self._sock, self._handle)
        try:
            await task.wait()
        except curio.CancelledError:
            await task.cancel()
            raise
        finally:
            await self._ended.set()

    async def _handle(self, client: Any, _address: object) -> None:
        await self._handler(ByteStream(client))

    async def close(self) -> None:
        """Cancel the task, which closes the socket as it leaves."""
        if self._task is None:
            await self._sock.close()
            await self._ended.set()
        else:
            await self._task.cancel()

    async def wait_closed(self) -> None:
        """Wait until `serve_forever` has ended."""
        await self._ended.wait()


class CurioServers:
    """Servers on curio's sockets."""

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> CurioServer:
        """`curio.tcp_server_socket`; curio's default backlog is 100."""
        chosen = {} if backlog is None else {"backlog": backlog}
        return CurioServer(curio.tcp_server_socket(host, port, **chosen), handler)
