"""The chapter of servers as programs write them: a handler for each connection (`Capability.SERVER`).

Reached by `servers_of(runtime)`; a backend that declares the capability has `servers()` on its runtime. What
`Runtime.listen` accepts is the program's to deal with; what becomes of a connection here is the runtime's own decision.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from .chapters import chapter_of
from .runtime import ByteStream, Runtime

Handler = Callable[[ByteStream], Awaitable[object]]
"""Handler of a connection, run as a task of its own."""


class Server(Protocol):
    """A server on one TCP address."""

    @property
    def address(self) -> tuple[str, int]:
        """The local host and port."""

    async def serve_forever(self) -> None:
        """Serve until the server is closed. Called once.

        Contract: each connection gets its handler, concurrently with the others; a cancelled call stops serving.
        Latitude: whether connections were accepted before this call; whether it returns or raises its own cancellation
            once the server is closed; whether it waits for the handlers, cancels them or leaves them running; whether
            an error of a handler ends the server.
        """

    async def close(self) -> None:
        """Stop accepting, from another task.

        Contract: a connection that is opened afterwards is refused; calling it twice is calling it once.
        Latitude: what becomes of live connections and of those that were not accepted yet; how long it takes.
        """

    async def wait_closed(self) -> None:
        """Wait until a closed server has ended. Latitude: whether it waits for the handlers."""


class Servers(Protocol):
    """Starts servers."""

    async def start_server(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> Server:
        """Bind and listen; port 0 lets the system choose, backlog `None` is the runtime's default.

        Contract: a client can connect once this returns.
        Latitude: whether it is served before `serve_forever`; the fate of a connection whose handler returns
            without closing it, raises, or is cancelled; whether an address that was just used can be used again.
        """


def servers_of(runtime: Runtime) -> Servers:
    """Return the chapter of servers of a runtime.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: Servers = chapter_of(runtime, "servers")
    return found
