"""Parts of questions about datagrams: endpoints that are closed in the end, plain sockets as peers, a last datagram.

Nothing waits for a datagram that may be lost: the last one of a trial shows that an earlier one is.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from secrets import randbelow
from typing import Self

from harness.api import (
    Capability,
    DatagramEndpoint,
    Graded,
    Harm,
    Runtime,
    allowed,
    datagrams_of,
    forbidden,
)
from harness.api.datagrams import Address

from ..parts.planted_names import has_addresses
from .question import NEVER_ENDS

NEEDS = (Capability.DATAGRAM, Capability.DEADLINE)
CANCELS = (*NEEDS, Capability.CANCEL_SCOPE, Capability.GROUP_CANCEL)
VARIANTS = ("asyncio:io=sock",)
"""The other way to receive on asyncio: `loop.sock_recvfrom`, which uvloop lacks."""
HOST = "127.0.0.1"
TURNS_SECONDS = 20.0
"""Limit of a trial with hundreds of turns: one of a thread takes 10 ms on a busy machine."""
LAST = b"the last datagram of this trial"
_POLL_SECONDS = 0.001
_READ_BYTES = 70_000

ARRIVES = "each datagram arrives once, whole and in order"
LOST = "a datagram is lost"
TWICE = "a datagram arrives twice"
OTHER_ORDER = "datagrams arrive in another order"
NO_BOUNDARIES = "datagrams are merged or split"
CHANGED = "other bytes arrive"
FAILS = "a call raises an error"
TRANSFER: dict[str, Graded] = {
    ARRIVES: allowed("on loopback only a full buffer loses a datagram"),
    LOST: forbidden("on loopback only a full buffer loses a datagram", harm=Harm.DATA),
    TWICE: forbidden("a datagram is received once", harm=Harm.DATA),
    OTHER_ORDER: forbidden("datagrams on loopback arrive in the order in which they were sent", harm=Harm.DATA),
    NO_BOUNDARIES: forbidden("a datagram is received alone and whole", harm=Harm.DATA),
    CHANGED: forbidden("the bytes that were sent arrive", harm=Harm.DATA),
    FAILS: forbidden("no call of a whole endpoint fails", harm=Harm.ERROR),
    NEVER_ENDS: forbidden("a datagram that is sent last is received"),
}
"""What becomes of datagrams that were sent and must arrive."""


@cache
def list_hosts() -> tuple[str, ...]:
    """Return the loopback addresses of both families that this host has."""
    return (HOST, "::1") if has_addresses(["::1"]) else (HOST,)


def choose_host() -> str:
    """Return a loopback address for a port that is freed in a trial, so that no other program takes it meanwhile.

    Linux has 16 million of them, other systems have one.
    """
    return f"127.{1 + randbelow(254)}.{randbelow(256)}.{1 + randbelow(254)}" if sys.platform == "linux" else HOST


def fits(size: int) -> bool:
    """Return whether this host sends a datagram of some bytes; macOS has a lower limit by default."""
    with RawSocket() as raw:
        try:
            raw.send(bytes(size), raw.address)
        except OSError:
            return False
    return True


def compare(sent: Sequence[bytes], received: Sequence[bytes]) -> str:
    """Return what became of datagrams."""
    if list(received) == list(sent):
        return ARRIVES
    missing, more = Counter(sent) - Counter(received), Counter(received) - Counter(sent)
    if not missing and not more:
        return OTHER_ORDER
    if b"".join(sent) == b"".join(received) and len(sent) - sent.count(b"") != len(received) - received.count(b""):
        return NO_BOUNDARIES
    if not more:
        return LOST
    return TWICE if set(more) <= set(sent) else CHANGED


@asynccontextmanager
async def opened(
    runtime: Runtime, host: str = HOST, port: int = 0, *, peer: Address | None = None
) -> AsyncIterator[DatagramEndpoint]:
    """Open an endpoint for as long as the block takes."""
    endpoint = await datagrams_of(runtime).open_endpoint(host, port, peer=peer)
    try:
        yield endpoint
    finally:
        with suppress(Exception):  # the question was answered
            await runtime.run_shielded(endpoint.aclose)


class RawSocket:
    """A plain UDP socket; the kernel sends on loopback at once, and a receive polls."""

    def __init__(self, host: str = HOST, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.address: Address = self._socket.getsockname()[:2]

    @property
    def room(self) -> int:
        """Bytes of the default receive buffer, of this socket as of others."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def send(self, data: bytes, to: Address) -> None:
        """Send one datagram."""
        self._socket.sendto(data, to)

    async def receive(self, runtime: Runtime) -> tuple[bytes, Address]:
        """Receive one datagram and the address of its sender."""
        while True:
            try:
                data, (host, port, *_) = self._socket.recvfrom(_READ_BYTES)
            except BlockingIOError:
                await runtime.sleep(_POLL_SECONDS)
            else:
                return data, (host, port)

    async def receive_all(self, runtime: Runtime) -> list[bytes]:
        """Receive up to the last datagram of the trial, which is left out."""
        received = []
        while (data := (await self.receive(runtime))[0]) != LAST:
            received.append(data)
        return received

    def close(self) -> None:
        """Close the socket, so that nothing has its address."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


async def receive_all(endpoint: DatagramEndpoint) -> list[bytes]:
    """Receive up to the last datagram of the trial, which is left out."""
    received = []
    while (data := (await endpoint.receive_from())[0]) != LAST:
        received.append(data)
    return received


async def works(runtime: Runtime, endpoint: DatagramEndpoint) -> bool:
    """Return whether an endpoint that is not connected still sends and receives; earlier datagrams are ignored."""
    with RawSocket("::1" if ":" in endpoint.address[0] else HOST) as raw, suppress(Exception):
        await endpoint.send_to(LAST, raw.address)
        async with runtime.move_on_after(_WORKS_SECONDS):
            await raw.receive_all(runtime)
            raw.send(LAST, endpoint.address)
            await receive_all(endpoint)
            return True
    return False


_WORKS_SECONDS = 2.0
"""Longest wait for an endpoint that works, which takes a millisecond."""
