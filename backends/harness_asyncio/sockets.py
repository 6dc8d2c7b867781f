"""TCP on the loop's `sock_*` methods: plain sockets that do not block, without transports and buffers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SocketStream:
    """A connected socket, as it is: Nagle's algorithm is on, and closing it does not wake its waiters."""

    __slots__ = ("_sock", "receive_some", "send_all")

    receive_some: Callable[[int], Awaitable[bytes]]
    send_all: Callable[[bytes], Awaitable[object]]

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._sock = sock
        self.receive_some = partial(loop.sock_recv, sock)
        self.send_all = partial(loop.sock_sendall, sock)

    async def send_eof(self) -> None:
        """`socket.shutdown(SHUT_WR)`."""
        self._sock.shutdown(socket.SHUT_WR)

    async def abort(self) -> None:
        """Close with a reset."""
        if self._sock.fileno() != -1:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._sock.close()

    async def aclose(self) -> None:
        """`socket.close`: nothing is buffered here, and a `sock_recv` that waits is not woken."""
        self._sock.close()


class SocketListener:
    """A listening socket; connections that are not accepted stay in the kernel."""

    __slots__ = ("_loop", "_sock", "address")

    address: tuple[str, int]

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        host, port, *_ = sock.getsockname()
        self.address = (host, port)

    async def accept(self) -> SocketStream:
        """`loop.sock_accept`."""
        sock, _ = await self._loop.sock_accept(self._sock)
        return SocketStream(self._loop, sock)

    async def aclose(self) -> None:
        """`socket.close`: a `sock_accept` that waits is not woken."""
        self._sock.close()


def listen(
    loop: asyncio.AbstractEventLoop, host: str, port: int, backlog: int | None, *, reuse_port: bool
) -> SocketListener:
    """Do `socket.create_server`, with the default backlog of `socket.listen`."""
    sock = socket.create_server((host, port), family=_family(host), backlog=backlog, reuse_port=reuse_port)
    return SocketListener(loop, sock)


async def connect(loop: asyncio.AbstractEventLoop, host: str, port: int, source: str | None) -> SocketStream:
    """Connect a new socket, from the local address `source` if given."""
    sock = socket.socket(_family(host))
    try:
        sock.setblocking(False)
        if source is not None:
            sock.bind((source, 0))
        await loop.sock_connect(sock, (host, port))
    except BaseException:
        sock.close()
        raise
    return SocketStream(loop, sock)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
