"""Faults of servers with a handler for each connection."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

from harness.testing.wrapping import Servers, Stream, Wrapped

from .faults import fault


@fault("reply-of-handler-lost")
class _ReplyOfHandlerLost(Stream):
    """The bytes that a handler sends are dropped."""

    async def send_all(self, data: bytes) -> None:
        del data


@fault("handler-error-cuts-one-other")
class _HandlerErrorCutsOneOther(Servers):
    """The error of one handler cuts off one other connection."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._live: list[Any] = []

    async def handle(self, handler: Any, stream: Any) -> None:
        self._live.append(stream)
        try:
            await handler(stream)
        except Exception:
            others = [other for other in self._live if other is not stream]
            if others:
                await others[0].abort()
            raise
        finally:
            self._live.remove(stream)


@fault("handler-error-stops-accepting", control="asyncio")
class _HandlerErrorStopsAccepting(Servers):
    """After the error of a handler new clients are not served."""

    failed = False

    async def handle(self, handler: Any, stream: Any) -> None:
        if self.failed:
            await self.sleep_for_ever()
        try:
            await handler(stream)
        except Exception:
            self.failed = True
            raise


@fault("handler-error-unseen", control="trio")
class _HandlerErrorUnseen(Servers):
    """The exception of a handler is dropped."""

    async def handle(self, handler: Any, stream: Any) -> None:
        with suppress(Exception):
            await handler(stream)


@fault("exit-of-handler-stops-serving")
class _ExitOfHandlerStopsServing(Servers):
    """A handler that exits leaves a server behind that serves no more."""

    exited = False

    async def handle(self, handler: Any, stream: Any) -> None:
        if self.exited:
            await self.sleep_for_ever()
        try:
            await handler(stream)
        except SystemExit:
            self.exited = True


@fault("handlers-one-at-a-time")
class _HandlersOneAtATime(Servers):
    """A handler starts when the one before has ended."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self._turn = self.healthy.create_lock()

    async def handle(self, handler: Any, stream: Any) -> None:
        async with self._turn:
            await handler(stream)


class _Broken(Wrapped):
    """A server, to be broken."""

    def __init__(self, inner: Any, servers: Servers) -> None:
        super().__init__(inner)
        self.servers = servers


@fault("close-does-not-end-serving", control="trio")
class _CloseDoesNotEndServing(Servers):
    """`serve_forever` does not end when the server is closed."""

    def wrap_server(self, server: Any) -> Any:
        class Endless(_Broken):
            async def serve_forever(self) -> None:
                await self.inner.serve_forever()
                await self.servers.sleep_for_ever()

        return Endless(server, self)


@fault("close-cuts-one-connection")
class _CloseCutsOneConnection(Servers):
    """Closing a server cuts off one of its connections, if there are several."""

    def __init__(self, inner: Any, runtime: Any) -> None:
        super().__init__(inner, runtime)
        self.live: list[Any] = []

    async def handle(self, handler: Any, stream: Any) -> None:
        self.live.append(stream)
        try:
            await handler(stream)
        finally:
            self.live.remove(stream)

    def wrap_server(self, server: Any) -> Any:
        class Cutting(_Broken):
            async def close(self) -> None:
                if len(self.servers.live) > 1:
                    await self.servers.live[0].abort()
                await self.inner.close()

        return Cutting(server, self)


@fault("wait-closed-never-returns", control="trio")
class _WaitClosedNeverReturns(Servers):
    """A wait for a closed server never returns."""

    def wrap_server(self, server: Any) -> Any:
        class Waiting(_Broken):
            async def wait_closed(self) -> None:
                await self.servers.sleep_for_ever()

        return Waiting(server, self)


@fault("cancelled-serving-goes-on")
class _CancelledServingGoesOn(Servers):
    """`serve_forever` swallows a cancellation."""

    def wrap_server(self, server: Any) -> Any:
        class Deaf(_Broken):
            async def serve_forever(self) -> None:
                with suppress(BaseException):
                    await self.inner.serve_forever()
                await self.servers.sleep_for_ever()

        return Deaf(server, self)


@fault("server-cannot-be-closed")
class _ServerCannotBeClosed(Servers):
    """A server that was closed, or whose task was cancelled, still accepts."""

    def wrap_server(self, server: Any) -> Any:
        class Open(_Broken):
            async def serve_forever(self) -> None:
                await self.servers.sleep_for_ever()

            async def close(self) -> None:
                pass

        return Open(server, self)


@fault("close-waits-for-handlers", control="trio")
class _CloseWaitsForHandlers(Servers):
    """Closing a server waits for its handlers, also for the one that closes it."""

    live = 0

    async def handle(self, handler: Any, stream: Any) -> None:
        self.live += 1
        try:
            await handler(stream)
        finally:
            self.live -= 1

    def wrap_server(self, server: Any) -> Any:
        class Waiting(_Broken):
            async def close(self) -> None:
                await self.inner.close()
                while self.servers.live:
                    await self.servers.healthy.sleep(0.005)

        return Waiting(server, self)


@fault("restarted-server-is-not-reached")
class _RestartedServerIsNotReached(Servers):
    """The second server on an address does not serve."""

    used: ClassVar[set[int]] = set()

    async def start_server(self, handler: Any, *args: Any, port: int = 0, **kwargs: Any) -> Any:
        self.again = port in self.used
        server = await super().start_server(handler, *args, port=port, **kwargs)
        self.used.add(server.address[1])
        return server

    async def handle(self, handler: Any, stream: Any) -> None:
        if self.again:
            await self.sleep_for_ever()
        await handler(stream)


@fault("close-leaves-waiting-clients", control="trio")
class _CloseLeavesWaitingClients(Servers):
    """Clients that were not accepted when a server is closed wait on."""

    def wrap_server(self, server: Any) -> Any:
        class Open(_Broken):
            async def close(self) -> None:
                pass

        return Open(server, self)


@fault("first-client-forgotten", control="trio")
class _FirstClientForgotten(Servers):
    """The client that connected first is never served."""

    handled = 0

    async def handle(self, handler: Any, stream: Any) -> None:
        self.handled += 1
        if self.handled == 1:
            await self.sleep_for_ever()
        await handler(stream)


@fault("close-keeps-descriptors")
class _CloseKeepsDescriptors(Stream):
    """A stream that is closed ends, and keeps its descriptor."""

    async def aclose(self) -> None:
        with suppress(Exception):
            await self.inner.send_eof()
        self.runtime.left_open.append(self.inner)
