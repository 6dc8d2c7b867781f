"""Clauses of names. Planted names replace `socket.getaddrinfo`: no look-up leaves the host."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from harness.api import Capability, Runtime, names_of

from .clause import clause, require, require_equal, settle, until

_NAMES = (Capability.NAMES,)
_PLANTED = (*_NAMES, Capability.PLANTED_NAMES)
_HOLD_SLICES, _SLICE_SECONDS = 20, 0.25
"""A look-up is held in slices: time for which the whole process stands still counts as one of them."""
_MOST_PORTS = 20
"""Ports that are tried until one is free at each address."""


@contextmanager
def _planted(names: Mapping[str, list[str] | OSError], gate: threading.Event | None = None) -> Iterator[list[str]]:
    """Answer look-ups of these names, behind the gate, and refuse all others; yield the names asked for."""
    genuine, asked = socket.getaddrinfo, list[str]()

    def look_up(host: str | bytes, port: Any, *args: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        flags = more.get("flags", args[3] if len(args) > 3 else 0)
        if flags & socket.AI_NUMERICHOST or name not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        asked.append(name)
        if gate is not None:
            any(gate.wait(_SLICE_SECONDS) for _ in range(_HOLD_SLICES))
        answer = names[name]
        if isinstance(answer, OSError):
            raise answer
        return [found for one in answer for found in genuine(one, port, type=socket.SOCK_STREAM)]

    setattr(socket, "getaddrinfo", look_up)  # noqa: B010 - the type of the function differs
    try:
        yield asked
    finally:
        setattr(socket, "getaddrinfo", genuine)  # noqa: B010 - as above


@contextmanager
def _bound(hosts: Sequence[str]) -> Iterator[list[socket.socket]]:
    """Bind a socket at each host, all at one port, which is then no other server's; they refuse until they listen."""
    with ExitStack() as stack:
        for left in reversed(range(_MOST_PORTS)):
            sockets = [stack.enter_context(socket.socket()) for _ in hosts]
            try:
                for sock, host in zip(sockets, hosts, strict=True):
                    sock.bind((host, sockets[0].getsockname()[1]))
            except OSError as exc:
                stack.close()
                if exc.errno != errno.EADDRINUSE or not left:
                    raise
            else:
                break
        yield sockets


@clause("a numeric host is its own address", of="Names.resolve", requires=_NAMES)
async def numeric(runtime: Runtime) -> None:
    """Of IPv4."""
    found = list(await names_of(runtime).resolve("127.0.0.1", 4711))
    require_equal("addresses", expected=[("127.0.0.1", 4711)], actual=found)


@clause("other tasks run while a name is looked up", of="Names.resolve", requires=_PLANTED)
async def others_run(runtime: Runtime) -> None:
    """The look-up ends when another task has had its turns."""
    gate, found = threading.Event(), list[object]()

    async def look_up() -> None:
        found.append(list(await names_of(runtime).resolve("slow.test", 4711)))

    with _planted({"slow.test": ["127.0.0.1"]}, gate) as asked:
        async with runtime.open_task_group() as group:
            await group.spawn(look_up)
            await until(runtime, lambda: bool(asked))
            was_held = not found
            gate.set()
    require(was_held, "the look-up held everything until it gave up")
    require_equal("addresses", expected=[[("127.0.0.1", 4711)]], actual=found)


@clause("the error of a look-up passes unchanged, and the next one works", of="Names.resolve", requires=_PLANTED)
async def error(runtime: Runtime) -> None:
    """A name that does not exist, and a name server that is away for now."""
    numbers = []
    names: dict[str, list[str] | OSError] = {"good.test": ["127.0.0.1"]}
    for number in (socket.EAI_NONAME, socket.EAI_AGAIN):
        names["bad.test"] = socket.gaierror(number, "planned")
        with _planted(names):
            try:
                await names_of(runtime).resolve("bad.test", 4711)
            except socket.gaierror as exc:
                numbers.append(exc.errno)
            after = list(await names_of(runtime).resolve("good.test", 4711))
        require_equal("addresses after it", expected=[("127.0.0.1", 4711)], actual=after)
    require_equal("numbers", expected=[socket.EAI_NONAME, socket.EAI_AGAIN], actual=numbers)


@clause("a connect by name reaches a numeric host", of="Names.connect_by_name", requires=_NAMES)
async def by_number(runtime: Runtime) -> None:
    """Bytes arrive."""
    listener = await runtime.listen()
    client = await names_of(runtime).connect_by_name(*listener.address)
    server = await listener.accept()
    await client.send_all(b"hello")
    found = await server.receive_some(100)
    await client.aclose()
    await server.aclose()
    await listener.aclose()
    require_equal("bytes read", expected=b"hello", actual=found)


@clause("a connect by name tries each address", of="Names.connect_by_name", requires=_PLANTED)
async def each_address(runtime: Runtime) -> None:
    """Of three one accepts, at each position."""
    hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    with _bound(hosts) as sockets:
        sockets[0].setblocking(False)
        sockets[0].listen()
        for position in range(3):
            addresses = [*hosts[1 : position + 1], hosts[0], *hosts[position + 1 :]]
            with _planted({"several.test": addresses}):
                client = await names_of(runtime).connect_by_name("several.test", sockets[0].getsockname()[1])
            sockets[0].accept()[0].close()
            await client.aclose()


@clause("a connect by name that fails leaves no descriptor", of="Names.connect_by_name", requires=_PLANTED)
async def fails_clean(runtime: Runtime) -> None:
    """Twenty connects to a host with two addresses that refuse; the first ones are not counted."""
    hosts = ["127.0.0.1", "127.0.0.2"]
    with _bound(hosts) as reserved, _planted({"several.test": hosts}):
        port = reserved[0].getsockname()[1]

        async def fail() -> None:
            for _ in range(20):
                with suppress(OSError):
                    await names_of(runtime).connect_by_name("several.test", port)
            await settle(runtime)

        await fail()
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names
        await fail()
        left = len(os.listdir("/dev/fd")) - before  # noqa: PTH208 - names
    require(left < 10, f"{left} descriptors are left of 20 calls")


@clause("a connect by name fails if each address refuses", of="Names.connect_by_name", requires=_PLANTED)
async def all_refuse(runtime: Runtime) -> None:
    """With an `OSError`."""
    hosts = ["127.0.0.1", "127.0.0.2"]
    with _bound(hosts) as reserved, _planted({"several.test": hosts}):
        try:
            await names_of(runtime).connect_by_name("several.test", reserved[0].getsockname()[1])
        except OSError:
            return
    raise AssertionError("it is connected")
