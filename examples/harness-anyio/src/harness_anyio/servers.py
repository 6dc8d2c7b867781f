"""Servers: `SocketListener.serve`."""

from __future__ import annotations

import anyio
from anyio.abc import SocketAttribute, SocketListener, SocketStream
from harness.api import Handler

from .streams import ByteStream, open_listener


class AnyioServer:
    """A listener that is served in a scope. To close is to cancel that scope; the handlers have their own task group.

    anyio has no server object; `serve` documents the task group for the handlers.
    """

    def __init__(self, listener: SocketListener, handler: Handler) -> None:
        self._listener = listener
        self._handler = handler
        self._accepting = anyio.CancelScope()
        self._stopped: anyio.Event | None = None
        """Set when nothing accepts any more."""
        self._ended = anyio.Event()
        host, port, *_ = listener.extra(SocketAttribute.local_address)
        self.address: tuple[str, int] = (str(host), int(port))

    async def serve_forever(self) -> None:
        """`SocketListener.serve`, until it is cancelled; then wait for the handlers."""
        self._stopped = anyio.Event()
        try:
            async with anyio.create_task_group() as handlers:
                with self._accepting:
                    await self._listener.serve(self._handle, handlers)
                self._stopped.set()
        finally:
            self._stopped.set()
            self._ended.set()

    async def _handle(self, stream: SocketStream) -> None:
        await self._handler(ByteStream(stream))

    async def close(self) -> None:
        """Cancel the scope, and close the listener: `serve` raises if it is closed below it."""
        self._accepting.cancel()
        with anyio.CancelScope(shield=True):
            if self._stopped is not None:
                await self._stopped.wait()
            await self._listener.aclose()

    async def wait_closed(self) -> None:
        """Wait until `serve_forever` has ended."""
        await self._ended.wait()


class AnyioServers:
    """Servers on anyio's socket listeners."""

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> AnyioServer:
        """`anyio.create_tcp_listener`."""
        return AnyioServer(await open_listener(host, port, backlog=backlog), handler)
