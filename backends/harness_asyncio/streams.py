"""TCP on asyncio streams."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from operator import attrgetter
from typing import Any, ClassVar

from .channels import ChannelQueue, refuse_closed

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
CLOSED_HERE = "this side had closed the stream"
"""A note on a stream's exception then: asyncio and uvloop raise the same when the peer was the one that went."""


class AsyncioByteStream:
    """A pair of `asyncio.StreamReader` and `asyncio.StreamWriter`."""

    __slots__ = ("_closed", "_reader", "_writer")

    # Looked up by C at each call: a bound method kept in each stream costs the collector more than this.
    receive_some = property(attrgetter("_reader.read"))

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._closed = False

    async def send_all(self, data: bytes) -> None:
        """Write and drain, as asyncio's documentation teaches."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionResetError, RuntimeError) as exc:
            self._say_whose_end(exc)
            raise

    async def send_eof(self) -> None:
        """Half-close, behind the buffered bytes."""
        try:
            self._writer.write_eof()
        except RuntimeError as exc:
            self._say_whose_end(exc)
            raise

    async def abort(self) -> None:
        """Reset the connection and wait until its fd is closed."""
        transport = self._writer.transport
        # Closed already, or lost: then there is nothing left to reset (uvloop shows it by None or a ValueError).
        if (sock := transport.get_extra_info("socket")) is not None:
            with suppress(OSError, ValueError):
                # `transport.abort` only drops the buffer; without this the peer may see an orderly end of stream.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await self.aclose()

    async def aclose(self) -> None:
        """Close and wait until the buffer was flushed."""
        self._closed = True
        self._writer.close()
        # `wait_closed` repeats the error that the connection was lost with; readers and writers have seen it.
        try:  # noqa: SIM105 - three calls fewer than `suppress`, on each short connection
            await self._writer.wait_closed()
        except OSError:
            pass

    def _say_whose_end(self, exc: ConnectionResetError | RuntimeError) -> None:
        # An error with an errno is clear by itself, and may be the reader's, which is raised again and again.
        if self._closed and getattr(exc, "errno", None) is None:
            exc.add_note(CLOSED_HERE)


class AsyncioListener:
    """An `asyncio.Server` whose connections wait in a queue. asyncio accepts ahead of `accept`."""

    __slots__ = ("_arrived", "_open", "_server", "accept", "address")

    stream: ClassVar[type[AsyncioByteStream]] = AsyncioByteStream
    """Class of its connections."""

    accept: Callable[[], Coroutine[Any, Any, AsyncioByteStream]]
    address: tuple[str, int]

    def __init__(self) -> None:
        self._arrived = ChannelQueue()
        self._open = True
        self.accept = self._arrived.get

    async def start(self, host: str, port: int, options: dict[str, Any]) -> None:
        """Listen, with the options of `asyncio.start_server`."""
        self._server = await asyncio.start_server(self._arrive, host, port, **options)
        bound_host, bound_port, *_ = self._server.sockets[0].getsockname()
        self.address = (bound_host, bound_port)

    async def aclose(self) -> None:
        """Stop listening; a waiting `accept` fails, connections that were not accepted are reset.

        `Server.wait_closed` is called only with the option `close`: on Python 3.12 and later it waits until
        every connection has ended, also those that were accepted and live on (gh-79033).
        """
        self._open = False
        self._server.close()
        self.accept = refuse_closed
        self._arrived.abandon()
        while not self._arrived.empty():
            # As the kernel does with the rest of its own queue of connections.
            await self._arrived.get_nowait().abort()

    async def wait_closed(self) -> None:
        """`Server.wait_closed`."""
        await self._server.wait_closed()

    def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open:
            self._arrived.put_nowait(self.stream(reader, writer))
        else:
            writer.transport.abort()


async def listen(
    host: str, port: int, *, backlog: int | None, reuse_port: bool, kind: type[AsyncioListener] = AsyncioListener
) -> AsyncioListener:
    """Listen on a TCP address; options that are not given are left to asyncio."""
    options: dict[str, Any] = {}
    if backlog is not None:
        options["backlog"] = backlog
    if reuse_port:
        options["reuse_port"] = True
    listener = kind()
    await listener.start(host, port, options)
    return listener


async def connect(host: str, port: int, *, source: str | None = None) -> AsyncioByteStream:
    """Open a connection on asyncio streams, from the local address `source` if given."""
    local = (source, 0) if source is not None else None
    return AsyncioByteStream(*await asyncio.open_connection(host, port, local_addr=local))
