"""Handshakes that fail, stall or are given up, seen from either side, and what both sides agree on."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

from harness.api import (
    Harm,
    Parameter,
    Runtime,
    Scenario,
    TlsListener,
    TlsStream,
    allowed,
    forbidden,
    grid,
    interesting,
    local_certificates,
    tls_of,
)
from harness.api.certificates import SERVER_NAME

from .question import NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import SOCKET_STAYS_OPEN, STAYS_OPEN, RawListener, RawPeer, dial
from .raw_tls_peer import HANDSHAKE_POLLS, RawTlsPeer, TlsLink
from .stream_attempt import RETURNS, Attempt, attempt, settle, wait_patiently
from .tls_close import NEEDS, SECONDS, SIDES, side_of

_MODULE = "harness_scenarios.behaviours.tls_handshake"
_GREETING, _PLAIN = b"welcome", b"HTTP/1.0 400 Bad Request\r\n\r\n"


async def connect_and_shake_hands(
    runtime: Runtime, address: tuple[str, int], context: ssl.SSLContext, name: str = SERVER_NAME
) -> TlsStream:
    """Connect as a program does that closes its socket when the handshake does not succeed."""
    stream = await tls_of(runtime).connect_tls(*address, context, server_hostname=name)
    return await shake_hands(stream)


async def shake_hands(stream: TlsStream) -> TlsStream:
    """Make the handshake; close the stream when it does not succeed."""
    try:
        await stream.do_handshake()
    except BaseException:
        await stream.abort()
        raise
    return stream


# --- a client whose server is not the right one ---

FAILS = "it fails, and the connection is closed"
IS_MADE = "the connection is made all the same"
FAILS_OPEN = "it fails, and a socket stays open"


async def _serve(peer: RawPeer, runtime: Runtime, *versions: ssl.TLSVersion) -> None:
    context = local_certificates().server_context()
    for version in versions:
        context.maximum_version = version
    with suppress(OSError):  # the question is about a handshake that fails
        await RawTlsPeer(peer, context, server_hostname=None).handshake(runtime)


async def _serve_old(peer: RawPeer, runtime: Runtime) -> None:
    await _serve(peer, runtime, ssl.TLSVersion.TLSv1_2)


async def _answer_plain(peer: RawPeer, runtime: Runtime) -> None:
    await peer.receive(runtime, 1)
    peer.send(_PLAIN)


async def _close(peer: RawPeer, runtime: Runtime) -> None:
    await peer.receive(runtime, 1)
    peer.close()


async def _reset(peer: RawPeer, runtime: Runtime) -> None:
    await peer.receive(runtime, 1)
    peer.reset()


_Peer = Callable[[RawPeer, Runtime], Awaitable[None]]
_CASES: dict[str, tuple[_Peer, bool, str]] = {
    "the certificate is not trusted": (_serve, False, SERVER_NAME),
    "the certificate has another name": (_serve, True, "three.test"),
    "the server has no common version": (_serve_old, True, SERVER_NAME),
    "the server answers in plain text": (_answer_plain, True, SERVER_NAME),
    "the server closes": (_close, True, SERVER_NAME),
    "the server resets": (_reset, True, SERVER_NAME),
}
"""Each case with its server, whether the client trusts the authority, and the name that it asks for."""


async def ask_failed_handshakes(runtime: Runtime, trial: Trial) -> str:
    """Connect to a server of each kind."""
    for name in _CASES:
        answer = await _ask_failed(runtime, trial, name)
        trial.step("client", f"{name}: {answer}")
        if answer != FAILS:
            trial.observe("case", name)
            return answer
    return FAILS


async def _ask_failed(runtime: Runtime, trial: Trial, case: str) -> str:
    serve, trusts, name = _CASES[case]
    context = local_certificates().client_context(trusts=trusts)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    connecting = Attempt(runtime, trial, "client")
    with RawListener() as listener:
        async with runtime.open_task_group() as group:
            await group.spawn(connecting.make, case, connect_and_shake_hands, runtime, listener.address, context, name)
            peer = await listener.accept_later(runtime)
            await serve(peer, runtime)
            await connecting.patiently()
            await group.cancel()
    if connecting.answer == RETURNS:
        await connecting.result.abort()
        return IS_MADE
    if not connecting.ended:
        return NEVER_ENDS
    is_open = not peer.is_closed and (await peer.receive_to_end(runtime)).end == STAYS_OPEN
    peer.reset()
    return FAILS_OPEN if is_open else FAILS


failed_handshakes = make_question(
    ask_failed_handshakes,
    name="tls.handshake-fails",
    question="A server has a wrong certificate, no common version, answers in plain text, or goes: what becomes of it?",
    contract=("A handshake that does not prove the server raises, and closes the connection.",),
    ref=f"{_MODULE}:failed_handshakes",
    answers={
        FAILS: allowed("the client gets an error, and nothing is left"),
        IS_MADE: forbidden("bytes go to a server that has not proved that it is the right one", harm=Harm.DATA),
        FAILS_OPEN: forbidden("a descriptor for each failure", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN),
        NEVER_ENDS: forbidden("the client waits for a server that has failed or gone"),
    },
    judges={"case": NOTED},
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-name-unchecked", "tls-any-authority-trusted", "tls-failed-handshake-hangs"),
)

# --- a server whose clients are not the right ones ---

UNSEEN = "handshakes that fail are not seen by the server, and the next client is served"
HANDLER = "the first use of the stream raises, and the next client is served"
ACCEPT = "accept raises, and the next client is served"
DEAD = "no client is served any more"


class _Server:
    """An acceptor that tries again after an error, with a task for each connection that greets the client."""

    def __init__(self, runtime: Runtime, listener: TlsListener) -> None:
        self._runtime = runtime
        self._listener = listener
        self.in_accept = 0
        self.in_handler = 0

    async def serve(self) -> None:
        """Accept for ever."""
        async with self._runtime.open_task_group() as handlers:
            while True:
                try:
                    stream = await self._listener.accept()
                except Exception as exc:
                    if self._runtime.is_cancelled(exc):
                        raise
                    self.in_accept += 1
                    await self._runtime.checkpoint()
                else:
                    await handlers.spawn(self._greet, stream)

    async def _greet(self, stream: TlsStream) -> None:
        try:
            await shake_hands(stream)
            await stream.send_all(_GREETING)
            await stream.receive_some(1)
        except Exception as exc:
            if self._runtime.is_cancelled(exc):
                raise
            self.in_handler += 1
        finally:
            await stream.abort()


async def _greeted(runtime: Runtime, listener: TlsListener, polls: int = HANDSHAKE_POLLS) -> bool:
    """Connect a client; return whether it is greeted."""
    peer = RawTlsPeer(dial(listener), local_certificates().client_context(), server_hostname=SERVER_NAME)
    try:
        await peer.handshake(runtime, polls)
        return (await peer.receive(runtime, len(_GREETING))).head == _GREETING
    except OSError:
        return False
    finally:
        peer.reset()


async def ask_bad_clients(runtime: Runtime, trial: Trial) -> str:
    """A client sends plain text, one closes, one resets, one does not trust the server; then comes a good one."""
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())
    server = _Server(runtime, listener)
    async with runtime.open_task_group() as group:
        await group.spawn(server.serve)
        for leave in (RawPeer.close, RawPeer.reset):
            leave(dial(listener))
        plain = dial(listener)
        plain.send(_PLAIN)
        await settle(runtime)
        plain.close()
        wary = RawTlsPeer(
            dial(listener), local_certificates().client_context(trusts=False), server_hostname=SERVER_NAME
        )
        with suppress(OSError):
            await wary.handshake(runtime)
        wary.close()
        is_served = await _greeted(runtime, listener)
        await group.cancel()
    await listener.aclose()
    trial.step("server", f"accept raised {server.in_accept > 0}, the stream raised {server.in_handler > 0}")
    if not is_served:
        return DEAD
    return ACCEPT if server.in_accept else HANDLER if server.in_handler else UNSEEN


bad_clients = make_question(
    ask_bad_clients,
    name="tls.server-survives-bad-clients",
    question="Clients send plain text, close, reset or do not trust the server: is the next client served?",
    contract=("A handshake that fails is about its own connection.",),
    ref=f"{_MODULE}:bad_clients",
    answers={
        UNSEEN: allowed("connections are handed out behind their handshakes"),
        HANDLER: allowed("the handshake is made by the task of the connection"),
        ACCEPT: interesting(
            "an acceptor that does not catch errors of single clients is ended by the first port scan",
            "https://docs.python.org/3/library/ssl.html#server-side-operation",
            harm=Harm.SERVER,
        ),
        DEAD: forbidden("one bad client ends the server", harm=Harm.SERVER),
        NEVER_ENDS: forbidden("the server hangs"),
    },
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-accept-dies-of-a-bad-client",),
)

SERVED = "the next client is served"
WAITS = "the next client waits for the stalled one"
_STALL_POLLS = 500


async def ask_stalled_client(runtime: Runtime, trial: Trial) -> str:
    """A client connects and sends nothing; another one comes; then the first goes."""
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())
    server = _Server(runtime, listener)
    async with runtime.open_task_group() as group:
        await group.spawn(server.serve)
        stalled = dial(listener)
        await settle(runtime)
        is_served = await _greeted(runtime, listener, _STALL_POLLS)
        trial.step("second client", f"is served while the first stalls: {is_served}")
        stalled.reset()
        later = is_served or await _greeted(runtime, listener)
        await group.cancel()
    await listener.aclose()
    if is_served:
        return SERVED
    return WAITS if later else DEAD


stalled_client = make_question(
    ask_stalled_client,
    name="tls.stalled-client",
    question="A client connects to a TLS server and sends nothing: is the next client served?",
    contract=("A client that has gone holds up no other.",),
    ref=f"{_MODULE}:stalled_client",
    answers={
        SERVED: allowed("handshakes run beside each other"),
        WAITS: interesting(
            "accept makes the handshake, so that one silent client stops a server with one acceptor: accept a plain "
            "socket and wrap it in the task of the connection",
            "https://github.com/python/cpython/issues/53123",
            harm=Harm.SERVER,
        ),
        DEAD: forbidden("the stalled client has gone and no client is served", harm=Harm.SERVER),
        NEVER_ENDS: forbidden("the server hangs"),
    },
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    screening=False,
    catches=("tls-accept-dies-of-a-bad-client",),
)

# --- a handshake that is given up ---

CLOSED = "it ends, and the connection is closed"
OPEN = "it ends, and a socket stays open"
_WAYS = ("is cancelled", "times out")
_TIME_OUT_SECONDS = 0.6
"""Long enough for a connect on a busy machine, with the look-up of a name in a thread."""


async def _give_up(
    runtime: Runtime,
    trial: Trial,
    call: Callable[[], Awaitable[object]],
    open_peer: Callable[[], Awaitable[RawPeer]],
) -> RawPeer:
    """Begin a handshake with a silent peer, let it be cancelled or time out, and return the peer."""
    waiting = Attempt(runtime, trial, "handshake")
    cancels = _WAYS[trial.number % len(_WAYS)] == "is cancelled"

    async def limited() -> None:
        async with runtime.move_on_after(_TIME_OUT_SECONDS):
            await call()

    async with runtime.open_task_group() as group:
        await group.spawn(waiting.make, "begins", call if cancels else limited)
        peer = await open_peer()
        await waiting.settled()
        if not cancels:
            await wait_patiently(runtime, lambda: waiting.ended, turns=HANDSHAKE_POLLS)
        await group.cancel()
    return peer


async def ask_given_up(runtime: Runtime, trial: Trial) -> str:
    """A silent peer; the handshake with it is cancelled or times out."""
    ask = _give_up_client if trial.parameters["side"] == SIDES[0] else _give_up_server
    peer = await ask(runtime, trial)
    end = (await peer.receive_to_end(runtime)).end
    trial.step("peer", f"sees: {end}")
    peer.reset()
    return OPEN if end == STAYS_OPEN else CLOSED


async def _give_up_client(runtime: Runtime, trial: Trial) -> RawPeer:
    context = local_certificates().client_context()
    with RawListener() as listener:
        address = listener.address
        return await _give_up(
            runtime,
            trial,
            lambda: connect_and_shake_hands(runtime, address, context),
            lambda: listener.accept_later(runtime),
        )


async def _give_up_server(runtime: Runtime, trial: Trial) -> RawPeer:
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())

    async def accept() -> None:
        await shake_hands(await listener.accept())

    async def connect() -> RawPeer:
        return dial(listener)

    peer = await _give_up(runtime, trial, accept, connect)
    await listener.aclose()
    return peer


given_up = make_question(
    ask_given_up,
    name="tls.handshake-given-up",
    question="A handshake with a silent peer is cancelled or times out, and the listener closed: does anything stay?",
    contract=("A handshake that is given up closes its connection.",),
    ref=f"{_MODULE}:given_up",
    answers={
        CLOSED: allowed("nothing is left"),
        OPEN: forbidden(
            "the connection stays open until the time limit of the handshake: each silent client holds a descriptor",
            harm=Harm.LEAK,
            symptom=SOCKET_STAYS_OPEN,
        ),
        NEVER_ENDS: forbidden("a handshake that was given up goes on waiting"),
    },
    parameters=(Parameter(name="side", default=SIDES[0], summary="side of the runtime under test", choices=SIDES),),
    rows={"quick": grid(side=SIDES)},
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-abort-before-handshake-does-nothing",),
)

RETURNS_AT_ONCE = "the close returns"
NONE_YET = "there is no stream before the handshake"


async def ask_close_before(runtime: Runtime, trial: Trial) -> str:
    """A silent client; the server accepts, and closes without a word."""
    listener = await tls_of(runtime).listen_tls(local_certificates().server_context())
    peer = dial(listener)
    accepting, closing = Attempt(runtime, trial, "acceptor"), Attempt(runtime, trial, "closer")
    async with runtime.open_task_group() as group:
        await group.spawn(accepting.make, "accepts", listener.accept)
        await wait_patiently(runtime, lambda: accepting.ended, turns=100)
        if accepting.answer == RETURNS:
            await group.spawn(closing.make, "closes", accepting.result.aclose)
            await closing.patiently()
        peer.reset()
        await group.cancel()
    await listener.aclose()
    if accepting.answer != RETURNS:
        return NONE_YET
    return RETURNS_AT_ONCE if closing.answer == RETURNS else f"the close {closing.answer}"


close_before_handshake = make_question(
    ask_close_before,
    name="tls.close-before-handshake",
    question="Can a TLS stream be closed whose peer has not begun the handshake?",
    contract=("A stream can be closed whatever its peer does.",),
    ref=f"{_MODULE}:close_before_handshake",
    answers={
        NONE_YET: allowed("connections are handed out behind their handshakes"),
        RETURNS_AT_ONCE: allowed("nothing was sent yet, so that there is nothing to end"),
        f"the close {NEVER_ENDS}": interesting(
            "the close makes the handshake, to send its close_notify: it needs a time limit against silent peers",
            "https://trio.readthedocs.io/en/stable/reference-io.html#trio.SSLStream.aclose",
            harm=Harm.HANG,
        ),
        "the close raises broken": interesting("the close makes the handshake, which fails"),
        "the close raises other": forbidden("a close raises"),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-close-before-handshake-raises",),
)

# --- agreements ---

AGREED = "both sides agree"
OTHER_PROTOCOL = "this side reports another protocol than the peer"
OTHER_NAME = "the server is asked for another name than the client's"


async def ask_agreements(runtime: Runtime, trial: Trial) -> str:
    """With protocols to agree on, and without."""
    names: list[str | None] = []
    link = TlsLink(runtime, side=side_of(trial), alpn=("two", "one"), names=names)
    async with link as (stream, peer):
        both = stream.selected_alpn_protocol(), peer.selected_alpn_protocol()
        again = await attempt(runtime, trial, "task", "makes the handshake again", stream.do_handshake)
        if again.answer != RETURNS:
            return f"a second handshake {again.answer}"
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        neither = stream.selected_alpn_protocol(), peer.selected_alpn_protocol()
    if both != ("two", "two") or neither != (None, None):
        return OTHER_PROTOCOL
    return AGREED if names == [SERVER_NAME] else OTHER_NAME


agreements = make_question(
    ask_agreements,
    name="tls.alpn-and-name",
    question="Do both sides know the agreed application protocol, and the server the name that the client asked for?",
    contract=("ALPN is the same on both sides; the name (SNI) is the one that `connect_tls` was given.",),
    ref=f"{_MODULE}:agreements",
    answers={
        AGREED: allowed("as agreed in the handshake"),
        OTHER_PROTOCOL: forbidden("the two sides speak different protocols"),
        OTHER_NAME: forbidden("the server shows the certificate of another name"),
        "a second handshake raises other": forbidden("a handshake that was made is complete"),
        "a second handshake raises broken": forbidden("a handshake that was made is complete"),
        f"a second handshake {NEVER_ENDS}": forbidden("a handshake that was made is complete", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the handshake waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=(
        "tls-alpn-unknown",
        "tls-asks-for-another-name",
        "tls-listener-offers-no-protocol",
        "tls-second-handshake-raises",
    ),
)

SCENARIOS: tuple[Scenario, ...] = (
    failed_handshakes,
    bad_clients,
    stalled_client,
    given_up,
    close_before_handshake,
    agreements,
)
