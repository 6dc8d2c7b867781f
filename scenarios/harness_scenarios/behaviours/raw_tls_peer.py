"""A neutral TLS peer: OpenSSL on memory buffers over a `RawPeer`, driven by the trial itself."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

from harness.api import Runtime, TlsStream, local_certificates, tls_of
from harness.api.certificates import SERVER_NAME

from .raw_peer import END_OF_STREAM, RESET, STAYS_OPEN, RawListener, RawPeer, Received, dial

CLOSE_NOTIFY = "the end of TLS"
TRUNCATED = "the end of TCP alone"
UNREADABLE = "what is no TLS"
HANDSHAKE_POLLS = 2000
"""Turns that the other side has for its part of the handshake, and for bytes that are due."""
QUIET_POLLS = 200
"""A peer that got nothing at this many polls in a row counts as left open."""
_POLL_SECONDS = 0.001
RECORD_BYTES = 16_384
"""The largest record."""


class RawTlsPeer:
    """One end of a TLS connection. Nothing here blocks: what would wait polls with the runtime's `sleep`."""

    def __init__(self, peer: RawPeer, context: ssl.SSLContext, *, server_hostname: str | None) -> None:
        self._peer = peer
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._arrived, self._leaving, server_side=server_hostname is None, server_hostname=server_hostname
        )
        self._unsent = b""
        self.end = STAYS_OPEN
        """The end of TCP, if it has come."""
        self.failed = False
        """Whether the bytes that came last could not be decrypted."""

    @property
    def has_unsent(self) -> bool:
        """Whether there are encrypted bytes that the system has not taken yet."""
        return bool(self._unsent)

    def flush(self) -> int:
        """Send as many encrypted bytes as the system takes; return how many.

        Raises:
            ConnectionError: the connection is cut.
        """
        self._unsent += self._leaving.read()
        sent = self._peer.send_some(self._unsent)
        self._unsent = self._unsent[sent:]
        return sent

    def take(self) -> bool:
        """Take the encrypted bytes that have arrived; return whether there were some, or the end."""
        if self.end != STAYS_OPEN:
            return False
        try:
            data = self._peer.receive_nowait()
        except ConnectionError:
            self.end = RESET
            self._arrived.write_eof()
            return True
        if data is None:
            return False
        if data:
            self._arrived.write(data)
        else:
            self.end = END_OF_STREAM
            self._arrived.write_eof()
        return True

    async def handshake(self, runtime: Runtime, polls: int = HANDSHAKE_POLLS) -> None:
        """Complete the handshake.

        Raises:
            ssl.SSLError: it fails.
            TimeoutError: the other side is silent.
        """
        for _ in range(polls):
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                with suppress(ConnectionError):
                    self.flush()  # the alert
                raise
            else:
                self.flush()
                return
            self.flush()
            if not self.take():
                await runtime.sleep(_POLL_SECONDS)
        raise TimeoutError("the other side makes no handshake")

    def selected_alpn_protocol(self) -> str | None:
        """Return the agreed application protocol."""
        return self._tls.selected_alpn_protocol()

    def begin_handshake(self) -> bytes:
        """Return the first flight of a client's handshake, for the trial to send."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._leaving.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return the records of some bytes, for the trial to send."""
        self._tls.write(data)
        return self._leaving.read()

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._peer.send(data)

    def encrypt_more(self, data: bytes) -> None:
        """Encrypt bytes, for `flush` to send."""
        for start in range(0, len(data), RECORD_BYTES):
            self._tls.write(data[start : start + RECORD_BYTES])

    def send(self, data: bytes) -> None:
        """Encrypt bytes and send as many as the system takes; `flush` sends the rest."""
        with suppress(ConnectionError, ssl.SSLError):  # OpenSSL sends nothing after a truncated stream
            self.encrypt_more(data)
            self.flush()

    def close_notify(self) -> None:
        """End TLS, and leave TCP open."""
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        with suppress(ConnectionError):
            self.flush()

    def send_eof(self) -> None:
        """Half-close TCP."""
        self._peer.send_eof()

    def close(self) -> None:
        """Close TCP in an orderly way."""
        self._peer.close()

    def reset(self) -> None:
        """Close with RST. Calling it again does nothing."""
        self._peer.reset()

    def look(self, received: Received, parts: list[bytes] | None = None) -> bool:
        """Take what has arrived, also into `parts`; return whether there was something, if only an end."""
        if received.end != STAYS_OPEN:
            return False
        moved = self.take()
        try:
            while data := self._tls.read(RECORD_BYTES):
                received.take(data)
                moved = True
                if parts is not None:
                    parts.append(data)
        except ssl.SSLWantReadError:
            return moved
        except ssl.SSLError:
            received.end = {RESET: RESET, END_OF_STREAM: TRUNCATED}.get(self.end, UNREADABLE)
        else:
            received.end = CLOSE_NOTIFY
        return True

    async def receive(
        self, runtime: Runtime, count: int, parts: list[bytes] | None = None, polls: int = HANDSHAKE_POLLS
    ) -> Received:
        """Receive `count` bytes, or less if the stream ends or stays quiet; sends the rest of its own meanwhile."""
        received, quiet = Received(), 0
        while received.count < count and received.end == STAYS_OPEN and quiet < polls:
            with suppress(ConnectionError):
                self.flush()
            if self.look(received, parts):
                quiet = 0
            else:
                quiet += 1
                await runtime.sleep(_POLL_SECONDS)
        return received

    async def receive_bytes(self, runtime: Runtime, count: int, polls: int = HANDSHAKE_POLLS) -> bytes:
        """Receive as `receive` does, and return the bytes. `failed` tells whether they could not be decrypted."""
        parts: list[bytes] = []
        received = await self.receive(runtime, count, parts, polls)
        self.failed = received.end == UNREADABLE
        return b"".join(parts)

    async def receive_to_end(self, runtime: Runtime) -> Received:
        """Receive until the stream ends or stays quiet."""
        return await self.receive(runtime, 1 << 62, polls=QUIET_POLLS)


class TlsLink:
    """A TLS stream of the runtime under test and a neutral peer at its other end, behind their handshake.

    `async with TlsLink(runtime, side=) as (stream, peer)`; both ends are gone behind the block. `side` is that of the
    runtime under test, `"client"` or `"server"`.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        side: str = "client",
        alpn: tuple[str, ...] = (),
        tickets: int = 0,
        receive_buffer: int | None = None,
        names: list[str | None] | None = None,
    ) -> None:
        """Take the side of the runtime under test, and options of the handshake.

        Args:
            runtime: the one under test.
            side: `"client"` or `"server"`.
            alpn: application protocols that both sides offer.
            tickets: how many session tickets a server sends, which a client that never reads leaves unread.
            receive_buffer: of the peer, in bytes.
            names: takes the name that the server is asked for.
        """
        self._runtime = runtime
        self._side = side
        self._receive_buffer = receive_buffer
        certificates = local_certificates()
        self._client, self._server = certificates.client_context(*alpn), certificates.server_context(*alpn)
        self._server.num_tickets = tickets
        if names is not None:
            self._server.sni_callback = lambda _, name, __: names.append(name)
        self._streams: list[TlsStream] = []
        self._peers: list[RawTlsPeer] = []

    async def __aenter__(self) -> tuple[TlsStream, RawTlsPeer]:
        connect = self._as_client if self._side == "client" else self._as_server
        try:
            await connect()
        except BaseException:
            await self._runtime.run_shielded(self._clear)
            raise
        return self._streams[0], self._peers[0]

    async def _as_client(self) -> None:
        with RawListener(receive_buffer=self._receive_buffer) as listener:
            host, port = listener.address

            async def open_stream() -> TlsStream:
                return await tls_of(self._runtime).connect_tls(host, port, self._client, server_hostname=SERVER_NAME)

            async def accept() -> RawTlsPeer:
                return RawTlsPeer(await listener.accept_later(self._runtime), self._server, server_hostname=None)

            await self._shake_hands(open_stream, accept)

    async def _as_server(self) -> None:
        listener = await tls_of(self._runtime).listen_tls(self._server)

        async def connect() -> RawTlsPeer:
            return RawTlsPeer(dial(listener), self._client, server_hostname=SERVER_NAME)

        try:
            await self._shake_hands(listener.accept, connect)
        finally:
            await self._runtime.run_shielded(listener.aclose)

    async def _shake_hands(
        self, open_stream: Callable[[], Awaitable[TlsStream]], open_peer: Callable[[], Awaitable[RawTlsPeer]]
    ) -> None:
        async def begin() -> None:
            stream = await open_stream()
            self._streams.append(stream)
            await stream.do_handshake()

        async with self._runtime.open_task_group() as group:
            await group.spawn(begin)
            peer = await open_peer()
            self._peers.append(peer)
            await peer.handshake(self._runtime)

    async def __aexit__(self, *exc: object) -> None:
        await self._clear()

    async def _clear(self) -> None:
        for peer in self._peers:
            peer.reset()
        # In a task of its own: where a close was cancelled, asyncio raises that again as the next one is waited for.
        async with self._runtime.open_task_group() as group:
            for stream in self._streams:
                await group.spawn(_abort, stream)


async def _abort(stream: TlsStream) -> None:
    with suppress(Exception):  # the question was answered
        await stream.abort()
