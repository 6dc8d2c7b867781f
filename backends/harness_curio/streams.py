"""TCP on curio's sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Coroutine
from operator import attrgetter
from typing import Any

import curio

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""


class ByteStream:
    """`curio.io.Socket`, connected."""

    __slots__ = ("_sock",)

    # Looked up by C at each call: bound methods kept in each stream cost the collector more than this.
    send_all = property(attrgetter("_sock.sendall"))
    receive_some = property(attrgetter("_sock.recv"))
    aclose = property(attrgetter("_sock.close"))

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    async def send_eof(self) -> None:
        """`Socket.shutdown(SHUT_WR)`."""
        await self._sock.shutdown(socket.SHUT_WR)

    async def abort(self) -> None:
        """Close with a reset."""
        if self._sock.fileno() == -1:
            return
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await self._sock.close()


class Listener:
    """`curio.io.Socket`, listening."""

    __slots__ = ("_accept", "aclose", "address")

    def __init__(self, sock: Any) -> None:
        host, port, *_ = sock.getsockname()
        self.address: tuple[str, int] = (host, port)
        self._accept = sock.accept
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = sock.close

    async def accept(self) -> ByteStream:
        """`Socket.accept`."""
        client, _ = await self._accept()
        return ByteStream(client)


async def listen(
    host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
) -> Listener:
    """`curio.tcp_server_socket(host, port)`; curio's default backlog is 100."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    chosen = {} if backlog is None else {"backlog": backlog}
    return Listener(curio.tcp_server_socket(host, port, family, reuse_port=reuse_port, **chosen))


async def connect(host: str, port: int, *, source: str | None = None) -> ByteStream:
    """`curio.open_connection(host, port, source_addr=)`."""
    source_address = None if source is None else (source, 0)
    return ByteStream(await curio.open_connection(host, port, source_addr=source_address))
