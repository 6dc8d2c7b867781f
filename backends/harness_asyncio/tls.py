"""TLS on asyncio streams: `open_connection(ssl=)`, `start_server(ssl=)` and `StreamWriter.start_tls`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from ssl import SSLContext
from typing import Any

from .streams import AsyncioByteStream, AsyncioListener


class AsyncioTlsStream(AsyncioByteStream):
    """A pair of `asyncio.StreamReader` and `asyncio.StreamWriter` over TLS."""

    __slots__ = ()

    async def do_handshake(self) -> None:
        """Do nothing: asyncio hands out no stream before its handshake."""

    def selected_alpn_protocol(self) -> str | None:
        """`SSLObject.selected_alpn_protocol`, of the writer's `ssl_object`."""
        protocol: str | None = self._writer.get_extra_info("ssl_object").selected_alpn_protocol()
        return protocol


class AsyncioTlsListener(AsyncioListener):
    """An `asyncio.Server` with TLS. Connections whose handshake fails or is not over are not seen by `accept`."""

    __slots__ = ()

    stream = AsyncioTlsStream
    accept: Callable[[], Coroutine[Any, Any, AsyncioTlsStream]]


class AsyncioTls:
    """TLS of asyncio, with its default time limits of 60 s for a handshake and 30 s for a close."""

    async def connect_tls(self, host: str, port: int, context: SSLContext, *, server_hostname: str) -> AsyncioTlsStream:
        """`asyncio.open_connection(ssl=, server_hostname=)`."""
        return AsyncioTlsStream(
            *await asyncio.open_connection(host, port, ssl=context, server_hostname=server_hostname)
        )

    async def listen_tls(
        self, context: SSLContext, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> AsyncioTlsListener:
        """`asyncio.start_server(ssl=)`."""
        options: dict[str, Any] = {"ssl": context} if backlog is None else {"ssl": context, "backlog": backlog}
        listener = AsyncioTlsListener()
        await listener.start(host, port, options)
        return listener

    async def start_tls(
        self,
        stream: Any,
        context: SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> AsyncioTlsStream:
        """`StreamWriter.start_tls`, which knows itself whether this is the side of the server."""
        del server_side
        await stream._writer.start_tls(context, server_hostname=server_hostname)  # noqa: SLF001 - its other half
        return AsyncioTlsStream(stream._reader, stream._writer)  # noqa: SLF001
