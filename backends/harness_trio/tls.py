"""TLS by `trio.SSLStream` and `trio.SSLListener`, in the strict mode that is their default."""

from __future__ import annotations

import socket
from operator import attrgetter
from ssl import SSLContext
from typing import Any

import trio

from harness.api import UnsupportedError

from .streams import RESET_ON_CLOSE

_Inner = trio.SSLStream[trio.SocketStream]


class TlsStream:
    """`trio.SSLStream`. The first use makes the handshake."""

    __slots__ = ("_stream",)

    send_all = property(attrgetter("_stream.send_all"))
    receive_some = property(attrgetter("_stream.receive_some"))
    aclose = property(attrgetter("_stream.aclose"))
    do_handshake = property(attrgetter("_stream.do_handshake"))

    def __init__(self, stream: _Inner) -> None:
        self._stream = stream

    def selected_alpn_protocol(self) -> str | None:
        """`SSLObject.selected_alpn_protocol`."""
        protocol: str | None = self._stream.selected_alpn_protocol()
        return protocol

    async def send_eof(self) -> None:
        """Refuse: an `SSLStream` is no `HalfCloseableStream`."""
        raise UnsupportedError("trio.SSLStream has no send_eof")

    async def abort(self) -> None:
        """Close with a reset."""
        transport = self._stream.transport_stream
        if transport is None or transport.socket.fileno() == -1:
            return
        transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await trio.aclose_forcefully(self._stream)


class TlsListener:
    """`trio.SSLListener`, which makes no handshake."""

    __slots__ = ("_listener", "aclose", "address")

    def __init__(self, listener: trio.SocketListener, context: SSLContext) -> None:
        host, port, *_ = listener.socket.getsockname()
        self.address: tuple[str, int] = (host, port)
        self._listener = trio.SSLListener(listener, context)
        self.aclose = self._listener.aclose

    async def accept(self) -> TlsStream:
        """`SSLListener.accept`."""
        return TlsStream(await self._listener.accept())


class TrioTls:
    """TLS of trio, which has no time limits of its own."""

    async def connect_tls(self, host: str, port: int, context: SSLContext, *, server_hostname: str) -> TlsStream:
        """`trio.open_tcp_stream` in an `SSLStream`: `open_ssl_over_tcp_stream` with a name beside the address."""
        transport = await trio.open_tcp_stream(host, port)
        return TlsStream(trio.SSLStream(transport, context, server_hostname=server_hostname))

    async def listen_tls(
        self, context: SSLContext, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> TlsListener:
        """`trio.open_ssl_over_tcp_listeners` for one address."""
        (listener,) = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
        return TlsListener(listener, context)

    async def start_tls(
        self, stream: Any, context: SSLContext, *, server_side: bool = False, server_hostname: str | None = None
    ) -> TlsStream:
        """Wrap the `SocketStream` in an `SSLStream`."""
        transport = stream._stream  # noqa: SLF001 - its other half
        return TlsStream(trio.SSLStream(transport, context, server_hostname=server_hostname, server_side=server_side))
