"""TCP on anyio's socket streams."""

from __future__ import annotations

import socket
import struct
from operator import attrgetter
from typing import Any

import anyio
from anyio.abc import SocketAttribute, SocketListener, SocketStream

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""
_DEFAULT_BACKLOG = 65536
"""Of `anyio.create_tcp_listener`."""


class ByteStream:
    """`anyio.abc.SocketStream`."""

    __slots__ = ("_stream",)

    send_all = property(attrgetter("_stream.send"))
    send_eof = property(attrgetter("_stream.send_eof"))
    aclose = property(attrgetter("_stream.aclose"))

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream

    async def receive_some(self, max_bytes: int) -> bytes:
        """`SocketStream.receive`, whose end is an exception."""
        try:
            return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""

    async def abort(self) -> None:
        """Close with a reset."""
        raw = self._stream.extra(SocketAttribute.raw_socket, None)
        if raw is None or raw.fileno() == -1:
            return
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await anyio.aclose_forcefully(self._stream)


class Listener:
    """The listener of the first address of a `MultiListener`."""

    __slots__ = ("_listener", "aclose", "address")

    def __init__(self, listener: SocketListener) -> None:
        host, port, *_ = listener.extra(SocketAttribute.local_address)
        self.address: tuple[str, int] = (str(host), int(port))
        self._listener = listener
        self.aclose = listener.aclose

    async def accept(self) -> ByteStream:
        """`SocketListener.accept`, which both backends of anyio have."""
        listener: Any = self._listener
        return ByteStream(await listener.accept())


async def listen(
    host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
) -> Listener:
    """`anyio.create_tcp_listener`; a name with several addresses listens on the first."""
    return Listener(await open_listener(host, port, backlog=backlog, reuse_port=reuse_port))


async def open_listener(
    host: str, port: int, *, backlog: int | None = None, reuse_port: bool = False
) -> SocketListener:
    """Return the first listener of `anyio.create_tcp_listener`, and close the others."""
    opened = await anyio.create_tcp_listener(
        local_host=host,
        local_port=port,
        backlog=_DEFAULT_BACKLOG if backlog is None else backlog,
        reuse_port=reuse_port,
    )
    first, *others = opened.listeners
    for other in others:
        await other.aclose()
    assert isinstance(first, SocketListener)
    return first


async def connect(host: str, port: int, *, source: str | None = None) -> ByteStream:
    """`anyio.connect_tcp(host, port, local_host=source)`."""
    return ByteStream(await anyio.connect_tcp(host, port, local_host=source))
