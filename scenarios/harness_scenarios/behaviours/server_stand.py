"""A server in a sandbox, with the trial as its client: what ends the server's scheduler does not end the question."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from harness.api import ByteStream, CancelScope, Harm, Inbox, Runtime, Server, bridge_of, forbidden, servers_of

from ..parts.sandbox import Sandbox, wait_until
from .question import PrerequisiteError, Trial
from .raw_peer import RawPeer, Received

STOP_SECONDS = 2.0
"""How long a server may take to stop. socketserver looks twice a second whether it is to."""

REFUSED = "refused"
"""The end of a stream for which there is no server any more."""
REFUSES = "a server that serves refuses its clients"
REACHABLE = {REFUSES: forbidden("a server that has started can be reached", harm=Harm.SERVER, symptom=REFUSES)}
"""What every question takes for granted: its answer where the first client is refused."""
_CONNECT_SECONDS = 5.0

Handler = Callable[[Runtime, ByteStream], Awaitable[object]]
"""A handler, which is given the runtime of the sandbox."""
Order = Callable[[Runtime, Server], Awaitable[object]]
"""Something to do in the sandbox."""


class Stand:
    """A server, and what becomes of it: `async with Stand(runtime, trial, handler) as stand`.

    `serving` says how `serve_forever` has ended, or is empty. Behind the block the scheduler has been told to end.
    """

    def __init__(
        self,
        runtime: Runtime,
        trial: Trial,
        handler: Handler,
        *,
        port: int = 0,
        backlog: int | None = None,
        serves: bool = True,
    ) -> None:
        self._runtime = runtime
        self._trial = trial
        self._handler = handler
        self._options = {"port": port, "backlog": backlog}
        self._serves = serves
        self._orders: Inbox | None = None
        self._ready = threading.Event()
        self._peers: list[RawPeer] = []
        self.address = ("", 0)
        self.serving = ""
        self.scope: CancelScope | None = None
        """The block in which it serves."""

    # --- in the sandbox ---

    async def _main(self, runtime: Runtime) -> None:
        async def handle(stream: ByteStream) -> None:
            await self._handler(runtime, stream)

        server = await servers_of(runtime).start_server(handle, **self._options)  # type: ignore[arg-type]  # as declared
        self.address = server.address
        self._orders = orders = bridge_of(runtime).open_inbox()
        self._ready.set()
        async with runtime.open_task_group() as group:
            if self._serves:
                await group.spawn(self.serve, runtime, server)
            while (order := await orders.receive()) is not None:
                await group.spawn(order, runtime, server)
            await group.spawn(_close, server)
            await runtime.sleep(0.01)
            await group.cancel()

    async def serve(self, runtime: Runtime, server: Server) -> None:
        """Serve for ever, in a scope, and note how that ends."""
        async with runtime.open_cancel_scope() as scope:
            self.scope = scope
            try:
                await server.serve_forever()
            except BaseException as exc:
                self.serving = "is cancelled" if runtime.is_cancelled(exc) else f"raises {type(exc).__name__}"
                raise
            self.serving = "returns"

    # --- outside ---

    @property
    def ended(self) -> bool:
        """Whether the scheduler has ended."""
        return self.sandbox.ended

    def order(self, order: Order) -> None:
        """Have something done in the sandbox, as a task."""
        assert self._orders is not None
        with suppress(RuntimeError):  # it has ended
            self._orders.put(order)

    async def do(self, order: Order, seconds: float = STOP_SECONDS) -> bool:
        """Have something done, and wait for its end; return whether that came in time."""
        done = threading.Event()

        async def attempt(runtime: Runtime, server: Server) -> None:
            try:
                await order(runtime, server)
            finally:
                done.set()

        self.order(attempt)
        return await wait_until(self._runtime, lambda: done.is_set() or self.ended, seconds)

    async def dial(self) -> RawPeer:
        """Connect a client, which is gone at the end.

        Raises:
            PrerequisiteError: as for `connect`.
        """
        peer = self.connect()
        self._peers.append(peer)
        return peer

    def connect(self) -> RawPeer:
        """Connect a client, which may outlive the server.

        Raises:
            PrerequisiteError: the server runs, and its first client is refused.
        """
        # It blocks this scheduler and not that of the sandbox; the system completes it without either.
        try:
            return RawPeer(socket.create_connection(self.address, timeout=_CONNECT_SECONDS))
        except ConnectionRefusedError:
            if self._peers or self.serving or self.ended:
                raise
            raise PrerequisiteError(REFUSES) from None

    async def ask(self, message: bytes) -> Received:
        """Connect, send a message and receive as much; a server that has ended after its first client refuses."""
        try:
            peer = await self.dial()
        except ConnectionError:
            if not self._peers:
                raise
            return Received(end=REFUSED)
        peer.send(message)
        return await peer.receive(self._runtime, len(message))

    def hang_up(self) -> None:
        """Let every client close, in an orderly way."""
        for peer in self._peers:
            peer.close()

    def cut(self) -> None:
        """Let every client reset."""
        for peer in self._peers:
            peer.reset()

    def end(self) -> None:
        """Let the scheduler close the server and end."""
        if self._orders is not None:
            with suppress(RuntimeError):  # it has ended
                self._orders.put(None)

    async def __aenter__(self) -> Self:
        self.sandbox = Sandbox(self._runtime, self._main)
        await wait_until(self._runtime, lambda: self._ready.is_set() or self.ended, STOP_SECONDS)
        if not self._ready.is_set():
            raise self.sandbox.raised or TimeoutError("the server does not start")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.cut()
        self.end()
        await self.sandbox.until_ended(STOP_SECONDS)
        self._trial.step("server", f"serve_forever {self.serving or 'has not ended'}")


async def _close(server: Server) -> None:
    await server.close()
