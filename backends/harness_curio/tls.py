"""TLS by `curio.open_connection(ssl=)` and `CurioSSLContext.wrap_socket`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import attrgetter
from ssl import SSLContext
from typing import Any

import curio
import curio.ssl

from .streams import ByteStream, Listener


class TlsStream(ByteStream):
    """`curio.io.Socket` with an `SSLSocket` in it: closing sends no close_notify, and a half-close is one of TCP."""

    __slots__ = ()

    do_handshake = property(attrgetter("_sock.do_handshake"))

    def selected_alpn_protocol(self) -> str | None:
        """`SSLSocket.selected_alpn_protocol`."""
        protocol: str | None = self._sock.selected_alpn_protocol()
        return protocol


class TlsListener(Listener):
    """A listening `Socket`, whose connections begin TLS as `curio.network.run_server` does."""

    __slots__ = ("_context",)

    def __init__(self, sock: Any, context: SSLContext) -> None:
        super().__init__(sock)
        self._context = curio.ssl.CurioSSLContext(context)

    async def accept(self) -> TlsStream:
        """`Socket.accept`; the first use makes the handshake."""
        client, _ = await self._accept()
        return TlsStream(await self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False))


class CurioTls:
    """TLS of curio, which has no time limits of its own."""

    async def connect_tls(self, host: str, port: int, context: SSLContext, *, server_hostname: str) -> TlsStream:
        """`curio.open_connection(ssl=, server_hostname=)`."""
        connect: Callable[..., Awaitable[Any]] = curio.open_connection
        wrapped = curio.ssl.CurioSSLContext(context)
        return TlsStream(await connect(host, port, ssl=wrapped, server_hostname=server_hostname))

    async def listen_tls(
        self, context: SSLContext, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> TlsListener:
        """`curio.tcp_server_socket`, with a context for its connections."""
        chosen = {} if backlog is None else {"backlog": backlog}
        return TlsListener(curio.tcp_server_socket(host, port, **chosen), context)

    async def start_tls(
        self, stream: Any, context: SSLContext, *, server_side: bool = False, server_hostname: str | None = None
    ) -> TlsStream:
        """`CurioSSLContext.wrap_socket`, which makes the handshake."""
        wrapped = curio.ssl.CurioSSLContext(context)
        sock = stream._sock  # noqa: SLF001 - its other half
        return TlsStream(await wrapped.wrap_socket(sock, server_side=server_side, server_hostname=server_hostname))
