"""Datagrams: `create_datagram_endpoint`, with a protocol that puts each datagram into a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from harness.api import ClosedResourceError, EndOfChannel
from harness.api.datagrams import Address

from .channels import ChannelQueue

_ENDED = (EndOfChannel, getattr(asyncio, "QueueShutDown", EndOfChannel))
"""What `ChannelQueue.get` raises at its end; the second one from Python 3.13 on."""


class _Protocol(asyncio.DatagramProtocol):
    """Keeps received datagrams and errors. The queue has no limit: a transport cannot be told to stop reading."""

    def __init__(self) -> None:
        self.received = ChannelQueue()
        self.errors: list[Exception] = []

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.received.put_nowait((data, addr[:2]))

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.received.end()


class AsyncioDatagramEndpoint:
    """A datagram transport and its protocol."""

    __slots__ = ("_protocol", "_transport", "address")

    def __init__(self, transport: asyncio.DatagramTransport, protocol: _Protocol) -> None:
        self._transport = transport
        self._protocol = protocol
        host, port, *_ = transport.get_extra_info("sockname")
        self.address: Address = (host, port)

    async def send_to(self, data: bytes, address: Address | None = None) -> None:
        """`DatagramTransport.sendto`, which waits for nothing and raises no error of the system."""
        self._transport.sendto(data, address)

    async def receive_from(self, max_bytes: int = 65_536) -> tuple[bytes, Address]:
        """Take the oldest datagram that the protocol was given, whole; after the end of the transport, closed."""
        del max_bytes
        try:
            return cast("tuple[bytes, Address]", await self._protocol.received.get())
        except _ENDED as exc:
            raise ClosedResourceError("the endpoint was closed") from exc

    def reported(self) -> Sequence[Exception]:
        """Errors given to `DatagramProtocol.error_received`."""
        return tuple(self._protocol.errors)

    async def aclose(self) -> None:
        """`DatagramTransport.close`, which closes the socket in a later turn of the loop; nothing waits for that."""
        self._transport.close()


class AsyncioDatagrams:
    """Endpoints of asyncio."""

    async def open_endpoint(
        self, host: str = "127.0.0.1", port: int = 0, *, peer: Address | None = None
    ) -> AsyncioDatagramEndpoint:
        """`loop.create_datagram_endpoint`."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(_Protocol, local_addr=(host, port), remote_addr=peer)
        return AsyncioDatagramEndpoint(transport, protocol)
