"""Clauses of Unix sockets."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from harness.api import ByteStream, Capability, Runtime, unix_of

from .clause import clause, require, require_equal, settle, until
from .streams import read_exactly, read_to_eof

_UNIX = (Capability.UNIX,)
_LONGEST = 103 if os.uname().sysname == "Darwin" else 107
"""Bytes of a path that the system has room for."""


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a short path of a new folder."""
    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as name:
        yield Path(name)


@asynccontextmanager
async def _connected(runtime: Runtime) -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"))
        client = await unix_of(runtime).connect_unix(str(place / "s"))
        server = await listener.accept()
        try:
            yield client, server
        finally:
            await client.aclose()
            await server.aclose()
            await listener.aclose()


async def _fails(runtime: Runtime, call: Callable[[], Awaitable[object]]) -> bool:
    """Return whether a call raises, whatever it is."""
    try:
        await call()
    except Exception as exc:
        if runtime.is_cancelled(exc):
            raise
        return True
    return False


async def raises_os_error(call: Callable[[], Awaitable[object]]) -> bool:
    """Return whether a call raises an `OSError`."""
    try:
        await call()
    except OSError:
        return True
    return False


@clause("a Unix listener knows its path", of="UnixListener.path", requires=_UNIX)
async def path(runtime: Runtime) -> None:
    """As it was given."""
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"))
        found, mode = listener.path, (place / "s").is_socket()
        await listener.aclose()
        require_equal("path, is a socket", expected=(str(place / "s"), True), actual=(found, mode))


@clause("bytes go both ways over a Unix socket, and its end is seen", of="UnixSockets.connect_unix", requires=_UNIX)
async def both_ways(runtime: Runtime) -> None:
    """A question, its answer, and the end of both directions."""
    async with _connected(runtime) as (client, server):
        await client.send_all(b"question")
        found = [await read_exactly(server, 8)]
        await server.send_all(b"answer")
        found.append(await read_exactly(client, 6))
        await client.send_eof()
        found.append(await read_to_eof(server))
        await server.send_all(b"late")
        await server.send_eof()
        found.append(await read_to_eof(client))
    require_equal("bytes read", expected=[b"question", b"answer", b"", b"late"], actual=found)


@clause("a connect to a Unix socket without a server raises", of="UnixSockets.connect_unix", requires=_UNIX)
async def no_server(runtime: Runtime) -> None:
    """No file, the file of a server that has ended, a file that is no socket, and a path that is too long."""
    with folder() as place:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(place / "dead"))
        (place / "text").write_text("text")
        paths = [place / "missing", place / "dead", place / "text", place / ("x" * 120)]
        raised = [await raises_os_error(lambda at=at: unix_of(runtime).connect_unix(str(at))) for at in paths]  # type: ignore[misc]
    require_equal("calls that raise an OSError", expected=[True] * 4, actual=raised)


@clause("a call on a Unix socket that fails leaves no descriptor", of="UnixSockets.connect_unix", requires=_UNIX)
async def fails_clean(runtime: Runtime) -> None:
    """Twenty connects to no server, and twenty listens at a path that is too long; the first ones are not counted."""
    with folder() as place:
        missing, too_long = str(place / "missing"), str(place / ("x" * 120))

        async def fail() -> None:
            for _ in range(20):
                await raises_os_error(lambda: unix_of(runtime).connect_unix(missing))
                await raises_os_error(lambda: unix_of(runtime).listen_unix(too_long))
            await settle(runtime)

        await fail()
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names
        await fail()
        left = len(os.listdir("/dev/fd")) - before  # noqa: PTH208 - names
    require(left < 20, f"{left} descriptors are left of 40 calls")


@clause(
    "a client does not reach a server whose path is a part of its own", of="UnixSockets.connect_unix", requires=_UNIX
)
async def part_of_a_path(runtime: Runtime) -> None:
    """Sockets are at the first bytes of a path that is too long, as many as the system can keep."""
    with folder() as place:
        path = str(place / ("x" * 200))
        servers = []
        for length in (_LONGEST, _LONGEST + 1):
            servers.append(socket.socket(socket.AF_UNIX))
            servers[-1].bind(str(place / "s"))
            servers[-1].listen()
            (place / "s").rename(path[:length])
        raised = await raises_os_error(lambda: unix_of(runtime).connect_unix(path))
        for server in servers:
            server.close()
    require(raised, "the client is connected")


@clause(
    "a stream that connects while the backlog of a Unix socket is full is connected",
    of="UnixSockets.connect_unix",
    requires=(*_UNIX, Capability.GROUP_CANCEL),
)
async def full_backlog(runtime: Runtime) -> None:
    """Six clients of a server with room for two: none of the returned streams may refuse to send for want of a peer."""
    streams: list[ByteStream] = []

    async def connect(at: str) -> None:
        try:
            streams.append(await unix_of(runtime).connect_unix(at))
        except OSError:
            return

    unconnected = 0
    with folder() as place, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "s"))
        server.listen(1)
        async with runtime.open_task_group() as group:
            for _ in range(6):
                await group.spawn(connect, str(place / "s"))
            await until(runtime, lambda: len(streams) >= 2)
            await settle(runtime)
            await group.cancel()
        for stream in streams:
            unconnected += await _fails(runtime, lambda stream=stream: stream.send_all(b"x"))  # type: ignore[misc]
            await stream.abort()
    require_equal("streams without a peer", expected=0, actual=unconnected)


@clause("every connection to a Unix socket is accepted once", of="UnixListener.accept", requires=_UNIX)
async def accepted_once(runtime: Runtime) -> None:
    """Twenty connections send a number each."""
    numbers = []
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"), backlog=50)
        clients = [await unix_of(runtime).connect_unix(str(place / "s")) for _ in range(20)]
        for number, client in enumerate(clients):
            await client.send_all(b"%02d" % number)
        for client in clients:
            server = await listener.accept()
            numbers.append(int(await read_exactly(server, 2)))
            await server.aclose()
            await client.aclose()
        await listener.aclose()
    require_equal("numbers", expected=list(range(20)), actual=sorted(numbers))


@clause("a Unix listener goes on when its file is removed", of="UnixListener.accept", requires=_UNIX)
async def file_is_removed(runtime: Runtime) -> None:
    """A client connects, the file is removed, the client is accepted and served, and the listener closes."""
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"))
        client = await unix_of(runtime).connect_unix(str(place / "s"))
        (place / "s").unlink()
        refused = await raises_os_error(lambda: unix_of(runtime).connect_unix(str(place / "s")))
        server = await listener.accept()
        await listener.aclose()
        await client.send_all(b"hello")
        found = await read_exactly(server, 5)
        await client.aclose()
        await server.aclose()
    require_equal("bytes, new client is refused", expected=(b"hello", True), actual=(found, refused))


@clause("a closed Unix listener refuses, and its connections live on", of="UnixListener.aclose", requires=_UNIX)
async def closed(runtime: Runtime) -> None:
    """Close twice; then use the connection, and connect again."""
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"))
        client = await unix_of(runtime).connect_unix(str(place / "s"))
        server = await listener.accept()
        await listener.aclose()
        await listener.aclose()
        refused = await raises_os_error(lambda: unix_of(runtime).connect_unix(str(place / "s")))
        await client.send_all(b"hello")
        found = await read_exactly(server, 5)
        await client.aclose()
        await server.aclose()
    require_equal("bytes, new client is refused", expected=(b"hello", True), actual=(found, refused))


@clause("closing a Unix listener leaves the file of another one alone", of="UnixListener.aclose", requires=_UNIX)
async def anothers_file(runtime: Runtime) -> None:
    """Its file is replaced by that of another server before it closes."""
    with folder() as place:
        listener = await unix_of(runtime).listen_unix(str(place / "s"))
        (place / "s").unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(place / "s"))
            await listener.aclose()
            require((place / "s").is_socket(), "the file of the other server was removed")


@clause(
    "a Unix listener makes exactly the file that was asked for, or raises", of="UnixSockets.listen_unix", requires=_UNIX
)
async def exact_path(runtime: Runtime) -> None:
    """Paths of the longest length, and longer ones; nothing is left of those."""
    for length in (_LONGEST, _LONGEST + 1, _LONGEST + 2, 3 * _LONGEST):
        with folder() as place:
            name = "x" * (length - len(str(place)) - 1)
            try:
                listener = await unix_of(runtime).listen_unix(str(place / name))
            except OSError:
                found = os.listdir(place)  # noqa: PTH208 - names
                require_equal(f"files after a path of {length} bytes was refused", expected=[], actual=found)
            else:
                found = os.listdir(place)  # noqa: PTH208 - names
                await listener.aclose()
                require_equal(f"files for a path of {length} bytes", expected=[name], actual=found)


@clause("a file that is no socket stays", of="UnixSockets.listen_unix", requires=_UNIX)
async def file_stays(runtime: Runtime) -> None:
    """To listen at its path raises."""
    with folder() as place:
        (place / "text").write_text("text")
        raised = await raises_os_error(lambda: unix_of(runtime).listen_unix(str(place / "text")))
        require_equal("text, raised", expected=("text", True), actual=((place / "text").read_text(), raised))
