"""Clauses of servers with a handler for each connection. Each handler closes its stream, so that no end is in doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.api import ByteStream, Capability, Handler, Runtime, Server, servers_of

from .clause import clause, require, require_equal, settle, until

_SERVER = (Capability.SERVER, Capability.CANCEL_SCOPE)


async def echo(stream: ByteStream) -> None:
    """Send one message back, and close."""
    await stream.send_all(await stream.receive_some(100))
    await stream.aclose()


async def _ask(runtime: Runtime, server: Server, message: bytes) -> bytes:
    stream = await runtime.connect(*server.address)
    await stream.send_all(message)
    reply = await stream.receive_some(100)
    await stream.aclose()
    return reply


@asynccontextmanager
async def serving(runtime: Runtime, handler: Handler) -> AsyncIterator[Server]:
    """Serve in a task for as long as the block takes."""
    server = await servers_of(runtime).start_server(handler)

    async def serve() -> None:
        async with runtime.open_cancel_scope():  # the error of a closed server's own end stays here
            try:
                await server.serve_forever()
            except BaseException as exc:
                if not runtime.is_cancelled(exc) or not closed:
                    raise

    closed: list[bool] = []
    async with runtime.open_task_group() as group:
        await group.spawn(serve)
        yield server
        closed.append(True)
        await server.close()
        await group.cancel()


@clause("a started server has an address that a client can connect to", of="Server.address", requires=_SERVER)
async def address(runtime: Runtime) -> None:
    """Before it serves for ever."""

    async def hang_up(stream: ByteStream) -> None:
        await stream.aclose()

    server = await servers_of(runtime).start_server(hang_up)
    host, port = server.address
    stream = await runtime.connect(host, port)
    await settle(runtime)  # some serve at once
    await stream.aclose()
    await server.close()
    require_equal("host, has a port", expected=("127.0.0.1", True), actual=(host, port > 0))


@clause("each connection gets the handler", of="Servers.start_server", requires=_SERVER)
async def handler_for_each(runtime: Runtime) -> None:
    """One after another."""
    async with serving(runtime, echo) as server:
        replies = [await _ask(runtime, server, b"%d" % number) for number in range(3)]
    require_equal("replies", expected=[b"0", b"1", b"2"], actual=replies)


@clause("handlers run concurrently", of="Server.serve_forever", requires=_SERVER)
async def handlers_run_together(runtime: Runtime) -> None:
    """The first one waits for the second."""
    second = runtime.create_event()
    replies: list[bytes] = []

    async def handler(stream: ByteStream) -> None:
        message = await stream.receive_some(100)
        if message == b"first":
            await second.wait()
        else:
            await second.set()
        await stream.send_all(message)
        await stream.aclose()

    async def ask(server: Server, message: bytes) -> None:
        replies.append(await _ask(runtime, server, message))

    async with serving(runtime, handler) as server, runtime.open_task_group() as group:
        await group.spawn(ask, server, b"first")
        await group.spawn(ask, server, b"second")
    require_equal("replies", expected=[b"first", b"second"], actual=sorted(replies))


@clause("a closed server refuses", of="Server.close", requires=_SERVER)
async def closed_refuses(runtime: Runtime) -> None:
    """Also if it is closed twice."""
    refused = False
    async with serving(runtime, echo) as server:
        first = await _ask(runtime, server, b"first")
        await server.close()
        await server.close()
        try:
            stream = await runtime.connect(*server.address)
        except OSError:
            refused = True
        else:
            await stream.abort()
    require_equal("reply", expected=b"first", actual=first)
    require(refused, "a client connected to a closed server")


@clause("a closed server whose handlers have ended is closed soon", of="Server.wait_closed", requires=_SERVER)
async def waits_until_closed(runtime: Runtime) -> None:
    """The limit of the clause is what ends a wait that does not end."""
    ended: list[bool] = []

    async def handler(stream: ByteStream) -> None:
        await echo(stream)
        ended.append(True)

    async with serving(runtime, handler) as server:
        await _ask(runtime, server, b"first")
        await until(runtime, lambda: bool(ended))
        await server.close()
        await server.wait_closed()
    require_equal("handlers that have ended", expected=[True], actual=ended)
