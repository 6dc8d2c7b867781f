"""A neutral peer: a plain socket on loopback, driven by the trial itself, so that an answer is about one runtime alone.

Nothing here blocks: a call that would wait polls with the runtime's own `sleep`. Calls that the kernel completes at
once on loopback (connect to a listening socket, accept a complete connection, send a few bytes) are made directly.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Self

import msgspec

from harness.api import ByteStream, Listener, Runtime, TlsListener

END_OF_STREAM = "end of stream"
RESET = "reset"
STAYS_OPEN = "stays open"
STAYS_TAKEN = "the address of a closed listener stays taken"
"""A symptom of servers as of listeners."""
SOCKET_STAYS_OPEN = "a socket stays open"
"""The symptom that a peer sees as `STAYS_OPEN`, and the process as a descriptor that is left behind."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""
_KERNEL_SECONDS = 5.0
"""Longest wait for calls that the kernel completes at once; only a broken host comes near it."""
_READ_BYTES = 1 << 20
_POLL_SECONDS = 0.001
_QUIET_POLLS = 200
"""A peer that got nothing at this many polls in a row counts as left open."""


class Received(msgspec.Struct):
    """Bytes that a peer has read, and the end of its stream."""

    count: int = 0
    head: bytes = b""
    """The first bytes, enough to recognise a short message."""
    end: str = STAYS_OPEN

    def take(self, data: bytes) -> None:
        """Count some bytes."""
        self.count += len(data)
        self.head = (self.head + data)[:64]


class RawPeer:
    """One end of a TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    @property
    def address(self) -> tuple[str, int]:
        """The local host and port."""
        host, port = self._socket.getsockname()
        return host, port

    @property
    def is_closed(self) -> bool:
        """Whether this end was closed."""
        return self._socket.fileno() == -1

    def send(self, data: bytes) -> None:
        """Send a few bytes; an empty send buffer takes them, and so does a connection that is cut, for nothing."""
        with suppress(ConnectionError):
            self._socket.sendall(data)

    def send_some(self, data: bytes) -> int:
        """Send as many bytes as the system takes; return how many. Raises: `ConnectionError`."""
        try:
            return self._socket.send(data) if data else 0
        except BlockingIOError:
            return 0

    def send_eof(self) -> None:
        """Half-close."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with RST. Calling it again does nothing."""
        if self._socket.fileno() != -1:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._socket.close()

    def close(self) -> None:
        """Close in an orderly way. Calling it again does nothing."""
        self._socket.close()

    def receive_nowait(self) -> bytes | None:
        """Return what has arrived, `b""` at end of stream, `None` if nothing has. Raises: `ConnectionResetError`."""
        try:
            return self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return None

    def look(self, received: Received) -> bool:
        """Take what has arrived since the last look; return whether there was something, if only the end."""
        if received.end != STAYS_OPEN:
            return False
        try:
            data = self.receive_nowait()
        except ConnectionError:
            received.end = RESET
            return True
        if data is None:
            return False
        if data:
            received.take(data)
        else:
            received.end = END_OF_STREAM
        return True

    async def receive(self, runtime: Runtime, count: int) -> Received:
        """Receive `count` bytes, or less if the stream ends or stays quiet."""
        received = Received()
        quiet = 0
        while received.count < count and received.end == STAYS_OPEN and quiet < _QUIET_POLLS:
            if self.look(received):
                quiet = 0
            else:
                quiet += 1
                await runtime.sleep(_POLL_SECONDS)
        return received

    async def receive_to_end(self, runtime: Runtime) -> Received:
        """Receive until the stream ends or stays quiet."""
        return await self.receive(runtime, 1 << 62)


class RawListener:
    """A listening socket. `receive_buffer` is in bytes, `None` leaves it to the system."""

    def __init__(self, *, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(_KERNEL_SECONDS)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()

    @property
    def address(self) -> tuple[str, int]:
        """The local host and port."""
        host, port = self._socket.getsockname()
        return host, port

    def accept(self) -> RawPeer:
        """Return the connection that the runtime under test has made."""
        sock, _ = self._socket.accept()
        return RawPeer(sock)

    async def accept_later(self, runtime: Runtime) -> RawPeer:
        """Return the connection that another task of the runtime under test is making."""
        self._socket.setblocking(False)
        while True:
            try:
                return self.accept()
            except BlockingIOError:
                await runtime.sleep(_POLL_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


class Link:
    """A stream of the runtime under test and the peer at its other end: `async with Link(runtime) as (stream, peer)`.

    Both ends are gone behind the block, in whatever state they are: the peer resets first, so that no close waits.
    """

    def __init__(self, runtime: Runtime, *, receive_buffer: int | None = None) -> None:
        self._runtime = runtime
        self._receive_buffer = receive_buffer

    async def __aenter__(self) -> tuple[ByteStream, RawPeer]:
        with RawListener(receive_buffer=self._receive_buffer) as listener:
            self._stream = await self._runtime.connect(*listener.address)
            self._peer = listener.accept()
        return self._stream, self._peer

    async def __aexit__(self, *exc: object) -> None:
        self._peer.reset()
        # The question was answered; a runtime that cannot even abort in silence (rloop 0.5.0) must not lose the answer.
        with suppress(Exception):
            await self._stream.abort()


def dial(listener: Listener | TlsListener) -> RawPeer:
    """Connect to a listener of the runtime under test; the kernel completes that without the runtime."""
    return RawPeer(socket.create_connection(listener.address, timeout=_KERNEL_SECONDS))


class ReservedPort:
    """A port of 127.0.0.1 that is reserved and has no listener."""

    def __enter__(self) -> int:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
