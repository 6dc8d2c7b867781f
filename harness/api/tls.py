"""The chapter of TLS on TCP streams (`Capability.TLS`).

Reached by `tls_of(runtime)`; a backend that declares the capability has `tls()` on its runtime. Contexts are
`ssl.SSLContext`, of which one may serve any number of connections; `harness.api.local_certificates` makes some for
loopback. Exceptions pass unchanged: an error of OpenSSL may be an `ssl.SSLError`, or its cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .chapters import chapter_of
from .runtime import ByteStream, Runtime

if TYPE_CHECKING:
    from ssl import SSLContext


class TlsStream(ByteStream, Protocol):
    """A TLS connection, used as a `ByteStream`. Bytes are encrypted; bytes of a forged peer are never received.

    Contract: `receive_some` returns `b""` once the peer has ended TLS with its close_notify; a cancelled one leaves
        the stream whole. `aclose` and `abort` close the descriptor, also while the peer goes on sending.
    Latitude: whether `aclose` sends a close_notify, and waits for that of the peer; whether an end of TCP without
        close_notify raises (truncation is visible) or is an end of stream; whether `send_eof` raises, or what it ends.
    """

    async def do_handshake(self) -> object:
        """Complete the handshake; return at once if that was done.

        Contract: afterwards the peer is the one that the context asks for, or it raises; a peer that ends meanwhile
            makes it raise.
        Latitude: the class of the error; whether `accept`, `start_tls`, `connect_tls` or the first use of the stream
            makes the handshake before this call does; whether there is a time limit.
        """

    def selected_alpn_protocol(self) -> str | None:
        """Return the application protocol that both sides agreed on. Valid after the handshake."""


class TlsListener(Protocol):
    """A listening socket for TLS."""

    @property
    def address(self) -> tuple[str, int]:
        """The local host and port."""

    async def accept(self) -> TlsStream:
        """Wait for a connection and return it.

        Latitude: whether the handshake is made before, inside or after this call; whether one that fails makes the
            call raise, and whether one that stalls holds up later connections.
        """

    async def aclose(self) -> None:
        """Stop listening. Latitude: as `Listener.aclose`."""


class Tls(Protocol):
    """Opens TLS connections."""

    async def connect_tls(self, host: str, port: int, context: SSLContext, *, server_hostname: str) -> TlsStream:
        """Connect to a TCP address and begin TLS there, with the name that the certificate must have.

        Contract: a call that fails, times out or is cancelled leaves no descriptor behind.
        Latitude: whether the handshake is complete when it returns.
        """

    async def listen_tls(
        self, context: SSLContext, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None
    ) -> TlsListener:
        """Listen on a TCP address for TLS connections; port and backlog as `Runtime.listen`."""

    async def start_tls(
        self, stream: ByteStream, context: SSLContext, *, server_side: bool = False, server_hostname: str | None = None
    ) -> TlsStream:
        """Begin TLS on a connected stream of this runtime, which is not used any more.

        Contract: bytes that the peer sent in plain text, and that were not received before, are never received as if
            they were encrypted.
        Latitude: whether the handshake is complete when it returns; whether a failure closes the connection.
        """


def tls_of(runtime: Runtime) -> Tls:
    """Return the chapter of TLS of a runtime.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: Tls = chapter_of(runtime, "tls")
    return found
