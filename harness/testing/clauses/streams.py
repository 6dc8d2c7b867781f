"""Clauses of sockets."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.api import ByteStream, Capability, ErrorKind, Runtime

from .clause import clause, require, require_equal, require_error

_BIG = b"".join(number.to_bytes(4, "big") for number in range(5 << 18))
"""5 MiB in which every four bytes hold their position."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


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


async def read_exactly(stream: ByteStream, size: int) -> bytes:
    """Read so many bytes, or what comes before the end of the stream."""
    found = b""
    while len(found) < size and (part := await stream.receive_some(size - len(found))):
        found += part
    return found


@clause("bytes go both ways", of="ByteStream.send_all")
async def both_ways(runtime: Runtime) -> None:
    """Send a word and answer it, ten times."""
    words: list[bytes] = []
    async with connected(runtime) as (client, server):
        for _ in range(10):
            await client.send_all(b"ping")
            words.append(await read_exactly(server, 4))
            await server.send_all(b"pong")
            words.append(await read_exactly(client, 4))
    require_equal("words", expected=[b"ping", b"pong"] * 10, actual=words)


@clause("no more bytes come than were asked for", of="ByteStream.receive_some")
async def receive_is_bounded(runtime: Runtime) -> None:
    """Ask for two bytes at a time of six."""
    parts: list[bytes] = []
    async with connected(runtime) as (client, server):
        await client.send_all(b"abcdef")
        await client.send_eof()
        while part := await server.receive_some(2):
            parts.append(part)
    require_equal("all bytes", expected=b"abcdef", actual=b"".join(parts))
    require_equal("parts that are too long", expected=[], actual=[part for part in parts if len(part) > 2])


@clause("the end of the stream is read again each time", of="ByteStream.receive_some")
async def eof_again(runtime: Runtime) -> None:
    """Read three times at the end."""
    async with connected(runtime) as (client, server):
        await client.send_eof()
        ends = [await server.receive_some(10) for _ in range(3)]
    require_equal("reads", expected=[b""] * 3, actual=ends)


@clause("after a half-close bytes still come in", of="ByteStream.send_eof")
async def half_close(runtime: Runtime) -> None:
    """Close the direction of either end first; the other end answers before it closes its own."""
    found: list[bytes] = []
    for first in (0, 1):
        async with connected(runtime) as ends:
            one, other = ends[first], ends[1 - first]
            await one.send_all(b"request")
            await one.send_eof()
            found.append(await read_to_eof(other))
            await other.send_all(b"reply")
            await other.send_eof()
            found.append(await read_to_eof(one))
    require_equal("bytes read", expected=[b"request", b"reply"] * 2, actual=found)


@clause("the end of the stream comes when the peer closes", of="ByteStream.aclose")
async def close_is_eof(runtime: Runtime) -> None:
    """Read the bytes sent before, then the end; close twice."""
    async with connected(runtime) as (client, server):
        await client.send_all(b"last words")
        await client.aclose()
        found = await read_to_eof(server)
    require_equal("bytes read", expected=b"last words", actual=found)


@clause("many bytes arrive unchanged", of="ByteStream.send_all")
async def large_transfer(runtime: Runtime) -> None:
    """Send 5 MiB, with a peer that reads meanwhile."""
    received: list[bytes] = []
    async with connected(runtime) as (client, server):

        async def reader() -> None:
            received.append(await read_to_eof(server))

        async with runtime.open_task_group() as group:
            await group.spawn(reader)
            await client.send_all(_BIG)
            await client.send_eof()
    require_equal("bytes", expected=[len(_BIG)], actual=[len(found) for found in received])
    require(received == [_BIG], "the bytes were changed or arrived in another order")


@clause("bytes go both ways at once", of="ByteStream.send_all")
async def full_duplex(runtime: Runtime) -> None:
    """Send 5 MiB in each direction; if either waited for the other both would wait for ever."""
    received: dict[str, bytes] = {}

    async def reader(name: str, stream: ByteStream) -> None:
        received[name] = await read_to_eof(stream)

    async def sender(stream: ByteStream) -> None:
        await stream.send_all(_BIG)
        await stream.send_eof()

    async with connected(runtime) as (client, server), runtime.open_task_group() as group:
        await group.spawn(reader, "client", client)
        await group.spawn(reader, "server", server)
        await group.spawn(sender, client)
        await group.spawn(sender, server)
    intact = {name: found == _BIG for name, found in received.items()}
    require_equal("intact", expected={"client": True, "server": True}, actual=intact)


@clause("a peer that does not read makes a sender wait", of="ByteStream.send_all", requires=(Capability.DEADLINE,))
async def backpressure(runtime: Runtime) -> None:
    """Send until it waits, but no more than 64 MiB."""
    chunk, accepted = b"x" * (1 << 20), 0
    listener = await runtime.listen()
    client = await runtime.connect(*listener.address)
    server = await listener.accept()
    async with runtime.move_on_after(0.5) as scope:
        for _ in range(64):
            await client.send_all(chunk)
            accepted += 1
    # In this order: closing with bytes unread resets the connection, so that closing the sender has nothing to flush.
    await server.aclose()
    await client.aclose()
    await listener.aclose()
    require(scope.cancelled_caught, f"{accepted} MiB were accepted")


@clause("a send after the peer's reset raises that the connection is broken", of="ByteStream.send_all")
async def send_after_reset(runtime: Runtime) -> None:
    """Send to a peer that has reset, at once and after a while, until it is noticed."""
    for pause in (0.0, 0.01):
        with socket.create_server(("127.0.0.1", 0)) as server:
            stream = await runtime.connect(*server.getsockname())
            peer, _ = server.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            peer.close()
        await runtime.sleep(pause)
        await require_error(runtime, ErrorKind.BROKEN, lambda stream=stream: _send_until_error(runtime, stream))  # type: ignore[misc]
        await stream.aclose()


async def _send_until_error(runtime: Runtime, stream: ByteStream) -> None:
    while True:
        await stream.send_all(b"x" * 1000)
        await runtime.sleep(0.001)


@clause("a send after closing raises that this side closed", of="ByteStream.send_all", requires=(Capability.ABORT,))
async def send_after_close(runtime: Runtime) -> None:
    """Send on either end of a connection after it was closed, or aborted, here."""
    for end in ("aclose", "abort"):
        for side in (0, 1):
            async with connected(runtime) as ends:
                stream = ends[side]
                await getattr(stream, end)()
                await require_error(runtime, ErrorKind.CLOSED, lambda stream=stream: stream.send_all(b"late"))  # type: ignore[misc]


@clause("an aborted connection is an error for the peer", of="ByteStream.abort", requires=(Capability.ABORT,))
async def abort_is_an_error(runtime: Runtime) -> None:
    """Abort either end; the other one reads an error that is BROKEN, not the end of the stream."""
    listener = await runtime.listen()
    for aborts in ("client", "server"):
        client = await runtime.connect(*listener.address)
        server = await listener.accept()
        one, other = (client, server) if aborts == "client" else (server, client)
        await one.abort()
        await require_error(runtime, ErrorKind.BROKEN, lambda other=other: other.receive_some(10))  # type: ignore[misc]
        await other.abort()
    await listener.aclose()


@clause("abort closes the fd", of="ByteStream.abort", requires=(Capability.ABORT,))
async def abort_closes_fd(runtime: Runtime) -> None:
    """Count the descriptors of the process before and after ten connections; the first ones may open some to keep."""
    listener = await runtime.listen()

    async def connect_and_abort(times: int) -> None:
        for _ in range(times):
            client = await runtime.connect(*listener.address)
            server = await listener.accept()
            await client.abort()
            await server.abort()

    await connect_and_abort(2)
    before = _open_fds()
    await connect_and_abort(10)
    left = _open_fds() - before
    await listener.aclose()
    require_equal("descriptors left by 20 aborted streams", expected=0, actual=left)


def _open_fds() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@clause("no listener", of="Runtime.connect")
async def refused(runtime: Runtime) -> None:
    """Connect to a port that is taken and has no listener: REFUSED, by `classify`."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        await require_error(runtime, ErrorKind.REFUSED, lambda: runtime.connect("127.0.0.1", port))


@clause("the source address is the one asked for", of="Runtime.connect")
async def source_address(runtime: Runtime) -> None:
    """Ask a server that is not the runtime's."""
    source = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await runtime.connect("127.0.0.1", server.getsockname()[1], source=source)
        accepted, address = server.accept()
        accepted.close()
        await stream.aclose()
    require_equal("the address that the peer sees", expected=source, actual=address[0])


@clause("the listener knows its address", of="Listener.address")
async def listener_address(runtime: Runtime) -> None:
    """Listen on port 0, which becomes a real one that can be connected to."""
    listener = await runtime.listen("127.0.0.1", 0, backlog=5)
    host, port = listener.address
    socket.create_connection((host, port)).close()
    await listener.aclose()
    require_equal("(host, has a port)", expected=("127.0.0.1", True), actual=(host, port > 0))


@clause("every connection is accepted once", of="Listener.accept")
async def accepts_all(runtime: Runtime) -> None:
    """Accept twenty clients, each with a byte of its own."""
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
    require_equal("bytes", expected=[bytes([number]) for number in range(20)], actual=sorted(seen))


@clause("a closed listener refuses", of="Listener.aclose")
async def closed_listener_refuses(runtime: Runtime) -> None:
    """Connect to where one listened, then listen there again."""
    listener = await runtime.listen()
    address = listener.address
    await listener.aclose()
    await require_error(runtime, ErrorKind.REFUSED, lambda: runtime.connect(*address))
    again = await runtime.listen(*address)
    await again.aclose()
    require_equal("address", expected=address, actual=again.address)


@clause("two listeners share a port", of="Runtime.listen")
async def reuse_port(runtime: Runtime) -> None:
    """Listen twice with `reuse_port`; the one that is left takes every connection."""
    one = await runtime.listen(reuse_port=True)
    two = await runtime.listen(*one.address, reuse_port=True)
    addresses = (one.address, two.address)
    await one.aclose()
    for _ in range(5):
        client = await runtime.connect(*two.address)
        server = await two.accept()
        await client.aclose()
        await server.aclose()
    await two.aclose()
    require_equal("address of the second", expected=addresses[0], actual=addresses[1])


@clause("a port that is taken cannot be listened on", of="Runtime.listen")
async def port_is_taken(runtime: Runtime) -> None:
    """Listen twice without `reuse_port`: OUT_OF_PORTS, by `classify`."""
    one = await runtime.listen()
    await require_error(runtime, ErrorKind.OUT_OF_PORTS, lambda: runtime.listen(*one.address))
    await one.aclose()
