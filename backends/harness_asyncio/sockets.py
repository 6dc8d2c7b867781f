"""TCP and UDP on the loop's `sock_*` methods: plain sockets that do not block, without transports and buffers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from harness.api.datagrams import Address

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


class SocketEndpoint:
    """A UDP socket. Errors are raised by its calls."""

    __slots__ = ("_loop", "_sock", "address")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        host, port, *_ = sock.getsockname()
        self.address: Address = (host, port)

    async def send_to(self, data: bytes, address: Address | None = None) -> None:
        """`loop.sock_sendto`, or `sock_sendall` to the peer."""
        if address is None:
            await self._loop.sock_sendall(self._sock, data)
        else:
            await self._loop.sock_sendto(self._sock, data, address)

    async def receive_from(self, max_bytes: int = 65_536) -> tuple[bytes, Address]:
        """`loop.sock_recvfrom`, which cuts."""
        data, (host, port, *_) = await self._loop.sock_recvfrom(self._sock, max_bytes)
        return data, (host, port)

    def reported(self) -> Sequence[Exception]:
        """Nothing: the calls raise."""
        return ()

    async def aclose(self) -> None:
        """`socket.close`: a `sock_recvfrom` that waits is not woken."""
        self._sock.close()


class SocketEndpoints:
    """UDP on the loop's `sock_*` methods."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def open_endpoint(
        self, host: str = "127.0.0.1", port: int = 0, *, peer: Address | None = None
    ) -> SocketEndpoint:
        """`socket.socket(family, SOCK_DGRAM)`, `bind` and `connect`, none of which blocks."""
        sock = socket.socket(_family(host), socket.SOCK_DGRAM)
        try:
            sock.bind((host, port))
            if peer is not None:
                sock.connect(peer)
        except BaseException:
            sock.close()
            raise
        return SocketEndpoint(self._loop, sock)
