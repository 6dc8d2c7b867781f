"""`gevent.socket`: what `socket` has, and a wait blocks the greenlet only."""

from __future__ import annotations

import socket as plain
import struct
from typing import Any

from gevent import socket

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""


class ByteStream:
    """A connected socket, as it is: Nagle's algorithm is on."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    async def send_all(self, data: bytes) -> None:
        """`socket.sendall`; if cancelled a part may have been sent."""
        self._socket.sendall(data)

    async def receive_some(self, max_bytes: int) -> bytes:
        """`socket.recv`."""
        return self._socket.recv(max_bytes)  # type: ignore[no-any-return]

    async def send_eof(self) -> None:
        """`socket.shutdown(SHUT_WR)`."""
        self._socket.shutdown(plain.SHUT_WR)

    async def abort(self) -> None:
        """Close with a reset."""
        if self._socket.fileno() != -1:
            self._socket.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, RESET_ON_CLOSE)
            self._socket.close()

    async def aclose(self) -> None:
        """`socket.close`, which throws EBADF into waiters of the socket."""
        self._socket.close()


class Listener:
    """A listening socket."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        host, port, *_ = sock.getsockname()
        self.address: tuple[str, int] = (host, port)

    async def accept(self) -> ByteStream:
        """`socket.accept`."""
        sock, _ = self._socket.accept()
        return ByteStream(sock)

    async def aclose(self) -> None:
        """`socket.close`, which throws EBADF into who accepts."""
        self._socket.close()


def listen(host: str, port: int, backlog: int | None, *, reuse_port: bool) -> Listener:
    """Bind and listen, with the default backlog of `socket.listen`."""
    sock = socket.socket(_family(host))
    try:
        sock.setsockopt(plain.SOL_SOCKET, plain.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(plain.SOL_SOCKET, plain.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen() if backlog is None else sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return Listener(sock)


def connect(host: str, port: int, source: str | None) -> ByteStream:
    """Connect a new socket."""
    sock = socket.socket(_family(host))
    try:
        if source is not None:
            sock.bind((source, 0))
        sock.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return ByteStream(sock)


def _family(host: str) -> plain.AddressFamily:
    return plain.AF_INET6 if ":" in host else plain.AF_INET
