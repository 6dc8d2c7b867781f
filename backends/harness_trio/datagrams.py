"""Datagrams: `trio.socket`, as trio has no higher level for UDP."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import trio

from harness.api.datagrams import Address


class TrioDatagramEndpoint:
    """A socket of `trio.socket`. Errors are raised by its calls."""

    __slots__ = ("_socket", "address")

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._socket = sock
        host, port, *_ = sock.getsockname()
        self.address: Address = (host, port)

    async def send_to(self, data: bytes, address: Address | None = None) -> int:
        """`sendto`, or `send` to the peer."""
        if address is None:
            return await self._socket.send(data)
        return await self._socket.sendto(data, address)

    async def receive_from(self, max_bytes: int = 65_536) -> tuple[bytes, Address]:
        """`recvfrom`, which cuts."""
        data, sender = await self._socket.recvfrom(max_bytes)
        return data, _host_and_port(sender)

    def reported(self) -> Sequence[Exception]:
        """Nothing: trio raises."""
        return ()

    async def aclose(self) -> None:
        """`close`, which wakes the task that waits."""
        self._socket.close()


def _host_and_port(sender: Any) -> Address:
    host, port, *_ = sender
    return host, port


class TrioDatagrams:
    """Endpoints of `trio.socket`."""

    async def open_endpoint(
        self, host: str = "127.0.0.1", port: int = 0, *, peer: Address | None = None
    ) -> TrioDatagramEndpoint:
        """`trio.socket.socket(family, SOCK_DGRAM)`, `bind` and `connect`."""
        sock = trio.socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            await sock.bind((host, port))
            if peer is not None:
                await sock.connect(peer)
        except BaseException:
            sock.close()
            raise
        return TrioDatagramEndpoint(sock)
