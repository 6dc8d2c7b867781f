"""Connections of a load that are encrypted if the cell asks for it (`tls=true`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from operator import attrgetter
from typing import Any, cast

from harness.api import (
    ByteStream,
    Capability,
    Listener,
    Parameter,
    Probe,
    Runtime,
    TlsListener,
    local_certificates,
    prepare_certificates,
    tls_of,
)
from harness.api.certificates import SERVER_NAME

TLS = Parameter(name="tls", default=False, summary="encrypt the connections", requires=(Capability.TLS,))

Listen = Callable[..., Awaitable[Listener]]
Connect = Callable[..., Awaitable[ByteStream]]


def prepare_tls(parameters: Mapping[str, Any]) -> str:
    """Prepare the certificates of a cell that asks for TLS: a preflight."""
    return prepare_certificates() if parameters[TLS.name] else ""


class SizedStream:
    """A stream whose end is known by its size, as TLS has no half-close on most runtimes."""

    __slots__ = ("_missing", "_stream", "abort", "aclose")

    # Looked up by C at each call, as in the streams of the backends.
    send_all = property(attrgetter("_stream.send_all"))

    def __init__(self, stream: ByteStream, size: int) -> None:
        self._stream = stream
        self._missing = size
        self.abort = stream.abort
        self.aclose = stream.aclose

    async def receive_some(self, max_bytes: int) -> bytes:
        """Receive, up to the last byte of the message; behind it `b""`."""
        if not self._missing:
            return b""
        data = await self._stream.receive_some(min(max_bytes, self._missing))
        self._missing -= len(data)
        return data

    async def send_eof(self) -> None:
        """Do nothing: the other side knows the size."""


class _SizedListener:
    def __init__(self, listener: TlsListener, size: int | None) -> None:
        self._listener = listener
        self._size = size
        self.address = listener.address
        self.aclose = listener.aclose

    async def accept(self) -> ByteStream:
        return _with_size(await self._listener.accept(), self._size)


def make_listen(runtime: Runtime, probe: Probe, size: int | None = None) -> Listen:
    """Return `runtime.listen`, or one for TLS.

    Args:
        runtime: of the role.
        probe: of the role, with the parameter `TLS`.
        size: of the message that ends with each stream; nothing where no stream is half-closed.

    Raises:
        UnsupportedError: the backend has no TLS, or there are no certificates.
    """
    if not probe.parameters[TLS.name]:
        return runtime.listen
    tls, context = tls_of(runtime), local_certificates().server_context()

    async def listen(*, port: int = 0, backlog: int | None = None, reuse_port: bool = False) -> Listener:
        del reuse_port  # one acceptor
        listener = await tls.listen_tls(context, port=port, backlog=backlog)
        return cast("Listener", _SizedListener(listener, size))

    return listen


def make_connect(runtime: Runtime, probe: Probe, size: int | None = None) -> Connect:
    """Return `runtime.connect`, or one for TLS with one context for all connections; as `make_listen`."""
    if not probe.parameters[TLS.name]:
        return runtime.connect
    tls, context = tls_of(runtime), local_certificates().client_context()

    async def connect(host: str, port: int, **_: Any) -> ByteStream:
        return _with_size(await tls.connect_tls(host, port, context, server_hostname=SERVER_NAME), size)

    return connect


def _with_size(stream: ByteStream, size: int | None) -> ByteStream:
    return stream if size is None else cast("ByteStream", SizedStream(stream, size))
