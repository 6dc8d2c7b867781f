"""Servers: `trio.open_tcp_listeners` and `trio.serve_listeners`, which together are `trio.serve_tcp`."""

from __future__ import annotations

import trio

from harness.api import Handler

from .streams import ByteStream


class TrioServer:
    """Listeners that are served in a scope. To close is to cancel that scope; the handlers have a nursery of their own.

    That is the way to stop that `serve_listeners` documents (`handler_nursery`); trio has no server object.
    """

    def __init__(self, listeners: list[trio.SocketListener], handler: Handler) -> None:
        self._listeners = listeners
        self._handler = handler
        self._accepting = trio.CancelScope()
        self._ended = trio.Event()
        host, port, *_ = listeners[0].socket.getsockname()
        self.address: tuple[str, int] = (host, port)

    async def serve_forever(self) -> None:
        """`trio.serve_listeners`, until it is cancelled; then wait for the handlers."""
        try:
            async with trio.open_nursery() as handlers:
                with self._accepting:
                    await trio.serve_listeners(self._handle, self._listeners, handler_nursery=handlers)
        finally:
            self._ended.set()

    async def _handle(self, stream: trio.SocketStream) -> None:
        await self._handler(ByteStream(stream))

    async def close(self) -> None:
        """Cancel the scope; `serve_listeners` closes the listeners as it leaves."""
        self._accepting.cancel()
        with trio.CancelScope(shield=True):
            for listener in self._listeners:
                await listener.aclose()

    async def wait_closed(self) -> None:
        """Wait until `serve_forever` has ended."""
        await self._ended.wait()


class TrioServers:
    """Servers on trio's socket listeners."""

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> TrioServer:
        """`trio.open_tcp_listeners`."""
        return TrioServer(await trio.open_tcp_listeners(port, host=host, backlog=backlog), handler)
