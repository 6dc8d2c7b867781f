"""Clauses of TLS. Both ends are the runtime's own; certificates are those of `harness.api.local_certificates`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.api import Capability, Runtime, TlsListener, TlsStream, local_certificates, tls_of
from harness.api.certificates import SERVER_NAME

from .clause import clause, require, require_equal
from .streams import read_exactly, read_to_eof

_TLS = (Capability.TLS, Capability.CANCEL_SCOPE)
_CANCELS = (*_TLS, Capability.GROUP_CANCEL)
_BIG = b"".join(number.to_bytes(4, "big") for number in range(1 << 18))
"""1 MiB in which every four bytes hold their position."""


async def _accept(listener: TlsListener, accepted: list[TlsStream]) -> None:
    stream = await listener.accept()
    await stream.do_handshake()
    accepted.append(stream)


@asynccontextmanager
async def connected_tls(runtime: Runtime, *alpn: str) -> AsyncIterator[tuple[TlsStream, TlsStream]]:
    """Yield both ends of a TLS connection behind its handshake; reset both."""
    certificates, tls = local_certificates(), tls_of(runtime)
    listener = await tls.listen_tls(certificates.server_context(*alpn))
    accepted: list[TlsStream] = []
    context = certificates.client_context(*alpn)
    async with runtime.open_task_group() as group:
        await group.spawn(_accept, listener, accepted)
        client = await tls.connect_tls(*listener.address, context, server_hostname=SERVER_NAME)
        await client.do_handshake()
    (server,) = accepted
    try:
        yield client, server
    finally:
        await client.abort()
        await server.abort()
        await listener.aclose()


@clause("bytes go both ways over TLS", of="Tls.connect_tls", requires=_TLS)
async def tls_both_ways(runtime: Runtime) -> None:
    """Send a word and answer it, ten times."""
    words: list[bytes] = []
    async with connected_tls(runtime) as (client, server):
        for _ in range(10):
            await client.send_all(b"ping")
            words.append(await read_exactly(server, 4))
            await server.send_all(b"pong")
            words.append(await read_exactly(client, 4))
    require_equal("words", expected=[b"ping", b"pong"] * 10, actual=words)


@clause("many bytes go both ways over TLS at once", of="Tls.connect_tls", requires=_TLS)
async def tls_full_duplex(runtime: Runtime) -> None:
    """Send 1 MiB in each direction."""
    received: dict[str, bytes] = {}

    async def read(name: str, stream: TlsStream) -> None:
        received[name] = await read_exactly(stream, len(_BIG))

    async with connected_tls(runtime) as (client, server), runtime.open_task_group() as group:
        await group.spawn(read, "server", server)
        await group.spawn(read, "client", client)
        await group.spawn(client.send_all, _BIG)
        await group.spawn(server.send_all, _BIG)
    require_equal("bytes are unchanged", expected={"client", "server"}, actual=_unchanged(received))


def _unchanged(received: dict[str, bytes]) -> set[str]:
    return {name for name, data in received.items() if data == _BIG}


@clause("a certificate that is not trusted, or has another name, is refused", of="Tls.connect_tls", requires=_CANCELS)
async def certificate_is_checked(runtime: Runtime) -> None:
    """By the call or by the handshake."""
    certificates, tls = local_certificates(), tls_of(runtime)
    listener = await tls.listen_tls(certificates.server_context())
    refused: list[str] = []

    async def serve() -> None:
        async with runtime.open_cancel_scope():
            while True:
                stream: TlsStream | None = None
                try:
                    stream = await listener.accept()
                    await stream.do_handshake()
                except Exception as exc:
                    if runtime.is_cancelled(exc):
                        raise
                if stream is not None:
                    await stream.abort()
                await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        await group.spawn(serve)
        for trusts, name in ((False, SERVER_NAME), (True, "three.test")):
            stream: TlsStream | None = None
            try:
                context = certificates.client_context(trusts=trusts)
                stream = await tls.connect_tls(*listener.address, context, server_hostname=name)
                await stream.do_handshake()
            except Exception as exc:
                if runtime.is_cancelled(exc):
                    raise
                refused.append(_class_of_cause(exc))
            if stream is not None:
                await stream.abort()
        await group.cancel()
    await listener.aclose()
    require_equal("errors", expected=["SSLCertVerificationError"] * 2, actual=refused)


def _class_of_cause(exc: BaseException) -> str:
    return type(exc.__cause__ or exc).__name__


@clause("a handshake that was made is not made again", of="TlsStream.do_handshake", requires=_TLS)
async def handshake_once(runtime: Runtime) -> None:
    """A second call returns at once, on both sides, and the stream works."""
    async with connected_tls(runtime) as (client, server):
        await client.do_handshake()
        await server.do_handshake()
        await client.send_all(b"word")
        word = await read_exactly(server, 4)
    require_equal("word", expected=b"word", actual=word)


@clause("both sides know the protocol that they agreed on", of="TlsStream.selected_alpn_protocol", requires=_TLS)
async def alpn(runtime: Runtime) -> None:
    """With protocols, and without."""
    found: list[str | None] = []
    for offered in (("second", "first"), ()):
        async with connected_tls(runtime, *offered) as ends:
            found += [end.selected_alpn_protocol() for end in ends]
    require_equal("protocols", expected=["second", "second", None, None], actual=found)


@clause("a TLS listener serves one connection after another", of="TlsListener.accept", requires=_TLS)
async def accepts_again(runtime: Runtime) -> None:
    """Three connections."""
    words: list[bytes] = []
    certificates, tls = local_certificates(), tls_of(runtime)
    listener = await tls.listen_tls(certificates.server_context(), backlog=10)
    context = certificates.client_context()
    for number in range(3):
        accepted: list[TlsStream] = []
        async with runtime.open_task_group() as group:
            await group.spawn(_accept, listener, accepted)
            client = await tls.connect_tls(*listener.address, context, server_hostname=SERVER_NAME)
            await client.do_handshake()
        await client.send_all(b"%d" % number)
        words.append(await read_exactly(accepted[0], 1))
        await client.abort()
        await accepted[0].abort()
    await listener.aclose()
    require_equal("words", expected=[b"0", b"1", b"2"], actual=words)


@clause("a TLS listener has the address that a client connects to", of="TlsListener.address", requires=_TLS)
async def tls_address(runtime: Runtime) -> None:
    """A port that the system chose."""
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())
    host, port = listener.address
    await listener.aclose()
    require_equal("host, has a port", expected=("127.0.0.1", True), actual=(host, port > 0))


@clause("a closed TLS listener refuses", of="TlsListener.aclose", requires=_TLS)
async def closed_tls_listener(runtime: Runtime) -> None:
    """And its port is free."""
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())
    await listener.aclose()
    refused = False
    try:
        stream = await runtime.connect(*listener.address)
    except OSError:
        refused = True
    else:
        await stream.abort()
    require(refused, "a client connected to a closed listener")


@clause("plain bytes are not read as TLS", of="Tls.listen_tls", requires=_CANCELS)
async def plain_client(runtime: Runtime) -> None:
    """A client sends a line of text to a TLS listener, and then the end."""
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())
    read: list[bytes] = []

    async def serve() -> None:
        async with runtime.open_cancel_scope():
            stream: TlsStream | None = None
            try:
                stream = await listener.accept()
                read.append(await stream.receive_some(100))
            except Exception as exc:
                if runtime.is_cancelled(exc):
                    raise
            if stream is not None:
                await stream.abort()

    async with runtime.open_task_group() as group:
        await group.spawn(serve)
        client = await runtime.connect(*listener.address)
        await client.send_all(b"GET / HTTP/1.0\r\n\r\n")
        async with runtime.open_cancel_scope():
            try:
                await read_to_eof(client)  # an alert, or nothing
            except Exception as exc:
                if runtime.is_cancelled(exc):
                    raise
        await client.aclose()
        await group.cancel()
    await listener.aclose()
    require_equal("bytes read", expected=[], actual=read)


@clause("TLS begins on a connected stream", of="Tls.start_tls", requires=_TLS)
async def upgrade(runtime: Runtime) -> None:
    """A word in plain text, then one that is encrypted, each way."""
    certificates, tls = local_certificates(), tls_of(runtime)
    listener = await runtime.listen()
    plain = await runtime.connect(*listener.address)
    other = await listener.accept()
    await plain.send_all(b"begin")
    words = [await read_exactly(other, 5)]
    upgraded: list[TlsStream] = []

    async def answer() -> None:
        stream = await tls.start_tls(other, certificates.server_context(), server_side=True)
        await stream.do_handshake()
        upgraded.append(stream)

    async with runtime.open_task_group() as group:
        await group.spawn(answer)
        client = await tls.start_tls(plain, certificates.client_context(), server_hostname=SERVER_NAME)
        await client.do_handshake()
    (server,) = upgraded
    await client.send_all(b"ping")
    words.append(await read_exactly(server, 4))
    await server.send_all(b"pong")
    words.append(await read_exactly(client, 4))
    for stream in (client, server):
        await stream.abort()
    await listener.aclose()
    require_equal("words", expected=[b"begin", b"ping", b"pong"], actual=words)
