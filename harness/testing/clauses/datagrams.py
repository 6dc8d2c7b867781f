"""Clauses of UDP endpoints. What may be lost is never waited for: a later datagram shows that an earlier one is."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.api import Capability, DatagramEndpoint, Runtime, datagrams_of
from harness.api.datagrams import LARGEST, Address

from .clause import clause, require, require_equal, settle, until

_DATAGRAM = (Capability.DATAGRAM,)
_CANCELS = (*_DATAGRAM, Capability.GROUP_CANCEL)
_LAST = b"the last one"


@asynccontextmanager
async def opened(
    runtime: Runtime, host: str = "127.0.0.1", peer: Address | None = None
) -> AsyncIterator[DatagramEndpoint]:
    """Open an endpoint for as long as the block takes."""
    endpoint = await datagrams_of(runtime).open_endpoint(host, peer=peer)
    try:
        yield endpoint
    finally:
        await endpoint.aclose()


async def _receive_all(endpoint: DatagramEndpoint) -> list[bytes]:
    """Receive up to the last one."""
    received: list[bytes] = []
    while not received or received[-1] != _LAST:
        received.append((await endpoint.receive_from())[0])
    return received


@clause("an open endpoint has its address", of="DatagramEndpoint.address", requires=_DATAGRAM)
async def address(runtime: Runtime) -> None:
    """A plain socket reaches it there."""
    async with opened(runtime) as endpoint:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(_LAST, endpoint.address)
        received = await _receive_all(endpoint)
    require_equal("host and datagrams", expected=("127.0.0.1", [_LAST]), actual=(endpoint.address[0], received))


def _find_largest() -> int:
    """Return the size of the largest datagram; macOS has a limit of its own by default, far below that of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.bind(("127.0.0.1", 0))
        try:
            plain.sendto(bytes(LARGEST), plain.getsockname())
        except OSError:
            return plain.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    return LARGEST


@clause("each datagram arrives alone, whole and in order", of="DatagramEndpoint.send_to", requires=_DATAGRAM)
async def arrive(runtime: Runtime) -> None:
    """Small ones and a large one, over IPv4, to an address and to a peer."""
    large = b"d" * _find_largest()
    for connects in (False, True):
        async with opened(runtime) as receiver:
            peer = receiver.address if connects else None
            async with opened(runtime, peer=peer) as sender:
                sent = [b"a", b"bc", large, _LAST]
                for data in sent:
                    await sender.send_to(data, None if connects else receiver.address)
                received = await _receive_all(receiver)
        require_equal(f"datagrams, connected: {connects}", expected=sent, actual=received)


@clause("an empty datagram is sent", of="DatagramEndpoint.send_to", requires=_DATAGRAM)
async def empty_is_sent(runtime: Runtime) -> None:
    """Before another one."""
    async with opened(runtime) as receiver, opened(runtime) as sender:
        for data in (b"", _LAST):
            await sender.send_to(data, receiver.address)
        received = await _receive_all(receiver)
    require_equal("datagrams", expected=[b"", _LAST], actual=received)


@clause("a datagram comes with the address of its sender", of="DatagramEndpoint.receive_from", requires=_DATAGRAM)
async def senders(runtime: Runtime) -> None:
    """Of two senders, also of an empty datagram."""
    async with opened(runtime) as endpoint:
        seen = []
        peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for data, peer in zip((b"", b"a"), peers, strict=True):
            peer.sendto(data, endpoint.address)
            seen.append(await endpoint.receive_from())
        expected = [(b"", peers[0].getsockname()[1]), (b"a", peers[1].getsockname()[1])]
        for peer in peers:
            peer.close()
    require_equal("datagrams and ports", expected=expected, actual=[(data, sender[1]) for data, sender in seen])


@clause("a cancelled receive has taken no datagram", of="DatagramEndpoint.receive_from", requires=_CANCELS)
async def cancelled_receive(runtime: Runtime) -> None:
    """It is cancelled before, as and after the datagram arrives; its result counts as received."""
    for sends_first in (False, True):
        received: list[bytes] = []
        async with opened(runtime) as endpoint, opened(runtime) as sender:

            async def receive(endpoint: DatagramEndpoint = endpoint, received: list[bytes] = received) -> None:
                received.append((await endpoint.receive_from())[0])

            async with runtime.open_task_group() as group:
                await group.spawn(receive)
                await settle(runtime)
                if sends_first:
                    await sender.send_to(b"a", endpoint.address)
                await group.cancel()
            if not sends_first:
                await sender.send_to(b"a", endpoint.address)
            await sender.send_to(_LAST, endpoint.address)
            received += await _receive_all(endpoint)
        require_equal(f"datagrams, sent first: {sends_first}", expected=[b"a", _LAST], actual=received)


@clause("a connected endpoint receives from its peer only", of="DatagramEndpoint.receive_from", requires=_DATAGRAM)
async def peer_only(runtime: Runtime) -> None:
    """A stranger sends first."""
    async with opened(runtime) as peer, opened(runtime) as stranger, opened(runtime, peer=peer.address) as endpoint:
        await stranger.send_to(b"strange", endpoint.address)
        await peer.send_to(_LAST, endpoint.address)
        received = await _receive_all(endpoint)
    require_equal("datagrams", expected=[_LAST], actual=received)


@clause("a failed send is raised or reported", of="DatagramEndpoint.reported", requires=_DATAGRAM)
async def failed_send(runtime: Runtime) -> None:
    """One byte more than an IPv4 datagram can have; nothing arrives of it."""
    raised: list[Exception] = []
    async with opened(runtime) as receiver, opened(runtime) as sender:
        try:
            await sender.send_to(b"x" * (LARGEST + 1), receiver.address)
        except OSError as exc:
            raised.append(exc)
        await settle(runtime)
        seen = [*raised, *sender.reported()]
        await sender.send_to(_LAST, receiver.address)
        received = await _receive_all(receiver)
    require_equal("errors and datagrams", expected=(1, [_LAST]), actual=(len(seen), received))
    require(isinstance(seen[0], OSError), f"the error is {seen[0]!r}")


@clause("a closed endpoint gives its address up", of="DatagramEndpoint.aclose", requires=_DATAGRAM)
async def frees_address(runtime: Runtime) -> None:
    """Also if it is closed twice."""
    endpoint = await datagrams_of(runtime).open_endpoint()
    await endpoint.aclose()
    await endpoint.aclose()

    await until(runtime, lambda: _binds(endpoint.address))


def _binds(address: Address) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(address)
        except OSError:
            return False
        return True


@clause("an address in use is an error", of="Datagrams.open_endpoint", requires=_DATAGRAM)
async def address_in_use(runtime: Runtime) -> None:
    """The first endpoint is still open."""
    raised: list[OSError] = []
    async with opened(runtime) as endpoint:
        try:
            second = await datagrams_of(runtime).open_endpoint("127.0.0.1", endpoint.address[1])
        except OSError as exc:
            raised.append(exc)
        else:
            await second.aclose()
    require(raised, "a second endpoint has the address")


@clause("an endpoint may have an IPv6 address", of="Datagrams.open_endpoint", requires=_DATAGRAM)
async def over_ipv6(runtime: Runtime) -> None:
    """It sends to itself, where this host has such addresses."""
    if not _has_ipv6():
        return
    async with opened(runtime, "::1") as endpoint:
        await endpoint.send_to(_LAST, endpoint.address)
        received = await endpoint.receive_from()
    require_equal("datagram", expected=(_LAST, endpoint.address), actual=received)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as plain:
            plain.bind(("::1", 0))
    except OSError:
        return False
    return True
