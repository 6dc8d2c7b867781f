"""TLS by `ssl.SSLContext.wrap_socket`, on sockets whose waits can be interrupted.

An `SSLSocket` takes no `MSG_DONTWAIT`. So it never blocks in OpenSSL: a call that would block polls the socket, as an
`SSLSocket` with a time-out does.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from functools import partial
from ssl import SSLContext, SSLSocket, SSLWantReadError, SSLWantWriteError
from typing import Any, TypeVar

from .streams import RESET_ON_CLOSE, ByteStream, Listener, connect, listen, shut_down, wait_for_socket

_Result = TypeVar("_Result")


class TlsStream:
    """An `SSLSocket`, as it is: closing sends no close_notify, and a half-close is one of TCP."""

    __slots__ = ("_lock", "_shutdown", "_socket")

    def __init__(self, sock: SSLSocket, *, shutdown: bool) -> None:
        self._socket = sock
        self._shutdown = shutdown
        # Two threads may use a stream and not an OpenSSL object, which CPython before gh-134698 does not lock.
        self._lock = threading.Lock()

    async def do_handshake(self) -> None:
        """`SSLSocket.do_handshake`."""
        self._retry(self._socket.do_handshake)

    def selected_alpn_protocol(self) -> str | None:
        """`SSLSocket.selected_alpn_protocol`."""
        return self._socket.selected_alpn_protocol()

    async def send_all(self, data: bytes) -> None:
        """`SSLSocket.send`, until all is sent."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._retry(partial(self._socket.send, rest)) :]

    async def receive_some(self, max_bytes: int) -> bytes:
        """`SSLSocket.recv`."""
        return self._retry(partial(self._socket.recv, max_bytes))

    async def send_eof(self) -> None:
        """`SSLSocket.shutdown(SHUT_WR)`, behind which the socket is no longer encrypted."""
        with self._lock:
            self._socket.shutdown(socket.SHUT_WR)

    async def abort(self) -> None:
        """Close with a reset."""
        with self._lock:
            if self._socket.fileno() != -1:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self._socket.close()

    async def aclose(self) -> None:
        """`SSLSocket.close`; with `close=shutdown` a waiting read is woken, and raises."""
        with self._lock:
            if self._shutdown and self._socket.fileno() != -1:
                shut_down(self._socket)
            self._socket.close()

    def _retry(self, call: Callable[[], _Result]) -> _Result:
        """Call until it need not wait for the socket; the lock is free while it waits."""
        while True:
            try:
                with self._lock:
                    return call()
            except SSLWantReadError:
                events = select.POLLIN
            except SSLWantWriteError:
                events = select.POLLOUT
            wait_for_socket(self._socket, events)


class TlsListener:
    """A listening socket whose `accept` makes the handshake, as that of a listening `SSLSocket` does."""

    __slots__ = ("_context", "_listener", "aclose", "address")

    def __init__(self, listener: Listener, context: SSLContext) -> None:
        self._listener = listener
        self._context = context
        self.address = listener.address
        self.aclose = listener.aclose

    async def accept(self) -> TlsStream:
        """`SSLSocket.accept`."""
        return await _start(await self._listener.accept(), self._context, server_side=True, server_hostname=None)


async def _start(
    stream: ByteStream, context: SSLContext, *, server_side: bool, server_hostname: str | None
) -> TlsStream:
    """`SSLContext.wrap_socket`; a handshake that fails or is cancelled closes the socket, as there."""
    sock = stream.socket
    sock.setblocking(False)
    wrapped = context.wrap_socket(
        sock, server_side=server_side, server_hostname=server_hostname, do_handshake_on_connect=False
    )
    secured = TlsStream(wrapped, shutdown=stream.shuts_down)
    try:
        await secured.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return secured


class ThreadsTls:
    """TLS of the standard library."""

    def __init__(self, *, shutdown: bool) -> None:
        self._shutdown = shutdown

    async def connect_tls(self, host: str, port: int, context: SSLContext, *, server_hostname: str) -> TlsStream:
        """Connect a socket, then `SSLContext.wrap_socket`."""
        stream = connect(host, port, None, shutdown=self._shutdown)
        return await _start(stream, context, server_side=False, server_hostname=server_hostname)

    async def listen_tls(
        self, context: SSLContext, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> TlsListener:
        """`socket.create_server`, with a context for its connections."""
        return TlsListener(listen(host, port, backlog, reuse_port=False, shutdown=self._shutdown), context)

    async def start_tls(
        self, stream: Any, context: SSLContext, *, server_side: bool = False, server_hostname: str | None = None
    ) -> TlsStream:
        """`SSLContext.wrap_socket`, which makes the handshake."""
        return await _start(stream, context, server_side=server_side, server_hostname=server_hostname)
