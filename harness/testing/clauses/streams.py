"""Clauses of sockets."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.api import ByteStream, Capability, ErrorKind, Runtime

from .channels import expect
from .clause import clause

_BIG = 5 << 20


@asynccontextmanager
async def connected(runtime: Runtime) -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    """Yield both ends of a connection; close both, and the listener."""
    listener = await runtime.listen()
    client = await runtime.connect(*listener.address)
    server = await listener.accept()
    try:
        yield client, server
    finally:
        await client.aclose()
        await server.aclose()
        await listener.aclose()


async def read_to_eof(stream: ByteStream) -> bytes:
    """Read all bytes up to the end of the stream."""
    parts = []
    while part := await stream.receive_some(65536):
        parts.append(part)
    return b"".join(parts)


@clause("bytes go both ways", of="ByteStream.send_all")
async def both_ways(runtime: Runtime) -> None:
    """In order."""
    async with connected(runtime) as (client, server):
        await client.send_all(b"ping")
        assert await server.receive_some(100) == b"ping"
        await server.send_all(b"pong")
        assert await client.receive_some(100) == b"pong"


@clause("no more bytes come than were asked for", of="ByteStream.receive_some")
async def receive_is_bounded(runtime: Runtime) -> None:
    """The rest comes later."""
    async with connected(runtime) as (client, server):
        await client.send_all(b"abcdef")
        await client.send_eof()
        first = await server.receive_some(2)
        assert 1 <= len(first) <= 2
        assert first + await read_to_eof(server) == b"abcdef"


@clause("after a half-close bytes still come in", of="ByteStream.send_eof")
async def half_close(runtime: Runtime) -> None:
    """The peer reads the end of the stream, again and again, and answers."""
    async with connected(runtime) as (client, server):
        await client.send_all(b"request")
        await client.send_eof()
        assert await read_to_eof(server) == b"request"
        assert await server.receive_some(10) == b""
        await server.send_all(b"reply")
        await server.send_eof()
        assert await read_to_eof(client) == b"reply"


@clause("the end of the stream comes when the peer closes", of="ByteStream.aclose")
async def close_is_eof(runtime: Runtime) -> None:
    """After the bytes that it sent."""
    async with connected(runtime) as (client, server):
        await client.send_all(b"last words")
        await client.aclose()
        assert await read_to_eof(server) == b"last words"


@clause("many bytes arrive unchanged", of="ByteStream.send_all")
async def large_transfer(runtime: Runtime) -> None:
    """5 MiB, read while they are sent."""
    sent = bytes(range(256)) * (_BIG // 256)
    received: list[bytes] = []
    async with connected(runtime) as (client, server):

        async def reader() -> None:
            received.append(await read_to_eof(server))

        async with runtime.open_task_group() as group:
            await group.spawn(reader)
            await client.send_all(sent)
            await client.send_eof()
    assert received == [sent]


@clause("a peer that does not read makes a sender wait", of="ByteStream.send_all", requires=(Capability.DEADLINE,))
async def backpressure(runtime: Runtime) -> None:
    """Within 256 MiB."""
    chunk, accepted = b"x" * (1 << 20), 0
    listener = await runtime.listen()
    client = await runtime.connect(*listener.address)
    server = await listener.accept()
    async with runtime.move_on_after(2) as scope:
        for _ in range(256):
            await client.send_all(chunk)
            accepted += 1
    await client.abort()
    await server.abort()
    await listener.aclose()
    assert scope.cancelled_caught, f"{accepted} MiB were accepted"


@clause("an aborted connection is an error for the peer", of="ByteStream.abort", requires=(Capability.ABORT,))
async def abort_is_an_error(runtime: Runtime) -> None:
    """BROKEN, by `classify`, and not an end of stream."""
    listener = await runtime.listen()
    client = await runtime.connect(*listener.address)
    server = await listener.accept()
    await client.abort()
    await expect(runtime, ErrorKind.BROKEN, lambda: server.receive_some(10))
    await server.abort()
    await listener.aclose()


@clause("nobody listens", of="Runtime.connect")
async def refused(runtime: Runtime) -> None:
    """REFUSED, by `classify`."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        await expect(runtime, ErrorKind.REFUSED, lambda: runtime.connect("127.0.0.1", port))


@clause("the source address is the one asked for", of="Runtime.connect")
async def source_address(runtime: Runtime) -> None:
    """Seen by a server that is not the runtime's."""
    source = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await runtime.connect("127.0.0.1", server.getsockname()[1], source=source)
        accepted, address = server.accept()
        accepted.close()
        await stream.aclose()
    assert address[0] == source


@clause("the listener knows its address", of="Listener.address")
async def listener_address(runtime: Runtime) -> None:
    """Port 0 has become a real one."""
    listener = await runtime.listen("127.0.0.1", 0, backlog=5)
    host, port = listener.address
    await listener.aclose()
    assert (host, port > 0) == ("127.0.0.1", True)


@clause("every connection is accepted once", of="Listener.accept")
async def accepts_all(runtime: Runtime) -> None:
    """Twenty clients, each with a byte of its own."""
    listener = await runtime.listen()
    seen: list[bytes] = []

    async def client(number: int) -> None:
        stream = await runtime.connect(*listener.address)
        await stream.send_all(bytes([number]))
        await read_to_eof(stream)
        await stream.aclose()

    async with runtime.open_task_group() as group:
        for number in range(20):
            await group.spawn(client, number)
        for _ in range(20):
            stream = await listener.accept()
            seen.append(await stream.receive_some(1))
            await stream.aclose()
    await listener.aclose()
    assert sorted(seen) == [bytes([number]) for number in range(20)]


@clause("a closed listener refuses", of="Listener.aclose")
async def closed_listener_refuses(runtime: Runtime) -> None:
    """Its port is free again."""
    listener = await runtime.listen()
    address = listener.address
    await listener.aclose()
    await expect(runtime, ErrorKind.REFUSED, lambda: runtime.connect(*address))


@clause("two listeners share a port", of="Runtime.listen")
async def reuse_port(runtime: Runtime) -> None:
    """With `reuse_port` on both."""
    one = await runtime.listen(reuse_port=True)
    two = await runtime.listen(*one.address, reuse_port=True)
    assert one.address == two.address
    await one.aclose()
    await two.aclose()
