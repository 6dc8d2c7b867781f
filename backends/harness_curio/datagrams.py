"""Datagrams: `curio.socket`."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from curio import socket as curio_socket

from harness.api.datagrams import Address


class CurioDatagramEndpoint:
    """A `curio.io.Socket`. Errors are raised by its calls."""

    __slots__ = ("_socket", "aclose", "address")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self.aclose = sock.close
        host, port, *_ = sock.getsockname()
        self.address: Address = (host, port)

    async def send_to(self, data: bytes, address: Address | None = None) -> object:
        """`Socket.sendto`, or `send` to the peer."""
        if address is None:
            return await self._socket.send(data)
        return await self._socket.sendto(data, address)

    async def receive_from(self, max_bytes: int = 65_536) -> tuple[bytes, Address]:
        """`Socket.recvfrom`, which cuts."""
        data, (host, port, *_) = await self._socket.recvfrom(max_bytes)
        return data, (host, port)

    def reported(self) -> Sequence[Exception]:
        """Nothing: curio raises."""
        return ()


class CurioDatagrams:
    """Endpoints of `curio.socket`."""

    async def open_endpoint(
        self, host: str = "127.0.0.1", port: int = 0, *, peer: Address | None = None
    ) -> CurioDatagramEndpoint:
        """`curio.socket.socket(family, SOCK_DGRAM)`, `bind` and `connect`."""
        sock = curio_socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((host, port))
            if peer is not None:
                await sock.connect(peer)
        except BaseException:
            await sock.close()
            raise
        return CurioDatagramEndpoint(sock)
