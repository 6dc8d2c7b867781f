"""The chapter of datagrams: UDP on one address (`Capability.DATAGRAM`).

Reached by `datagrams_of(runtime)`; a backend that declares the capability has `datagrams()` on its runtime. Exceptions
pass unchanged. The network may lose datagrams; on loopback one is lost only if the receiver's buffer is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .chapters import chapter_of
from .runtime import Runtime

Address = tuple[str, int]
"""Host and port."""
LARGEST = 65_507
"""Bytes of the largest datagram over IPv4; it is sent over IPv6 too."""


class DatagramEndpoint(Protocol):
    """A UDP socket that is bound to an address, and connected to a peer if it was opened with one."""

    @property
    def address(self) -> Address:
        """The local host and port."""

    async def send_to(self, data: bytes, address: Address | None = None) -> object:
        """Send one datagram to an address; without one, to the peer of a connected endpoint.

        Contract: 0 to `LARGEST` bytes leave as one datagram, also none; those from one endpoint to another arrive in
            order as long as the receiver has room; after `aclose` nothing is sent.
        Latitude: whether it waits; whether an error (too large, closed, the peer's port is closed) is raised here, by
            a later call, or only listed by `reported`; what an address means to a connected endpoint.
        """

    async def receive_from(self, max_bytes: int = 65_536) -> tuple[bytes, Address]:
        """Receive one datagram, and the address of its sender.

        Contract: a datagram is received once, by one call, and never together with another one; an empty one is a
            datagram; a cancelled call has taken nothing; a connected endpoint receives from its peer only.
        Latitude: whether a datagram of more than `max_bytes` is cut or returned whole; whether several tasks may wait
            at once (`BUSY`); whether the runtime receives ahead of this call; whether an error of an earlier send is
            raised here.
        """

    def reported(self) -> Sequence[Exception]:
        """Return the errors of this endpoint that no call has raised, as asyncio's `error_received` has them."""

    async def aclose(self) -> None:
        """Close. Calling it twice is calling it once.

        Contract: the address is free again soon.
        Latitude: whether it is free at once; what becomes of a waiting `receive_from` (it is to end, and
            `datagram.close-wakes-receives` shows where it does not) and of datagrams that were not received yet.
        """


class Datagrams(Protocol):
    """Opens endpoints."""

    async def open_endpoint(
        self, host: str = "127.0.0.1", port: int = 0, *, peer: Address | None = None
    ) -> DatagramEndpoint:
        """Bind a UDP socket, and connect it if a peer is given; port 0 lets the system choose.

        Contract: what arrives from now on is received; an address in use is an `OSError`, and leaves no descriptor
            behind.
        """


def datagrams_of(runtime: Runtime) -> Datagrams:
    """Return the chapter of datagrams of a runtime.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: Datagrams = chapter_of(runtime, "datagrams")
    return found
