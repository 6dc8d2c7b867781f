"""TCP on trio's streams."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Coroutine
from operator import attrgetter
from typing import Any

import trio

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""


class ByteStream:
    """`trio.SocketStream`."""

    __slots__ = ("_stream",)

    # Looked up by C at each call: bound methods kept in each stream cost the collector more than this.
    send_all = property(attrgetter("_stream.send_all"))
    receive_some = property(attrgetter("_stream.receive_some"))
    send_eof = property(attrgetter("_stream.send_eof"))
    aclose = property(attrgetter("_stream.aclose"))

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def abort(self) -> None:
        """Close with a reset."""
        if self._stream.socket.fileno() == -1:
            return
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await trio.aclose_forcefully(self._stream)


class Listener:
    """`trio.SocketListener`."""

    __slots__ = ("_accept", "aclose", "address")

    def __init__(self, listener: trio.SocketListener) -> None:
        host, port, *_ = listener.socket.getsockname()
        self.address: tuple[str, int] = (host, port)
        self._accept = listener.accept
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = listener.aclose

    async def accept(self) -> ByteStream:
        """`SocketListener.accept`."""
        return ByteStream(await self._accept())


async def listen(
    host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
) -> Listener:
    """`trio.open_tcp_listeners(port, host=, backlog=)`; a name with several addresses listens on the first."""
    if reuse_port:
        return Listener(await _open_shared_listener(host, port, backlog))
    first, *others = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    for other in others:
        await other.aclose()
    return Listener(first)


async def _open_shared_listener(host: str, port: int, backlog: int | None) -> trio.SocketListener:
    """Do what `trio.open_tcp_listeners` does for one address, and set SO_REUSEPORT, for which it has no option."""
    family, kind, proto, _, address = (
        await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    )[0]
    sock = trio.socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        await sock.bind(address)
        sock.listen(0xFFFF if backlog is None else min(backlog, 0xFFFF))
        return trio.SocketListener(sock)
    except BaseException:
        sock.close()
        raise


async def connect(host: str, port: int, *, source: str | None = None) -> ByteStream:
    """`trio.open_tcp_stream(host, port, local_address=source)`."""
    return ByteStream(await trio.open_tcp_stream(host, port, local_address=source))
