"""TLS that begins in the middle of a stream: bytes sent before it, upgrades that are given up, and closes."""

from __future__ import annotations

from contextlib import suppress

from harness.api import (
    ByteStream,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    TlsStream,
    allowed,
    forbidden,
    grid,
    interesting,
    local_certificates,
    tls_of,
)
from harness.api.certificates import SERVER_NAME

from ..parts.serving import receive_exactly
from .question import NEVER_ENDS, Trial, make_question
from .raw_peer import SOCKET_STAYS_OPEN, STAYS_OPEN, RawListener, RawPeer, dial
from .raw_tls_peer import RawTlsPeer
from .stream_attempt import RETURNS, Attempt, attempt, settle
from .tls_close import NEEDS, SECONDS, side_of
from .tls_handshake import CLOSED, OPEN

_MODULE = "harness_scenarios.behaviours.tls_upgrade"
_INJECTION = "https://www.cve.org/CVERecord?id=CVE-2011-0411"
_COMMAND = b"STARTTLS\r\n"
_INJECTED = b"DELETE everything\r\n"
_SECRET = b"hello"
_UPGRADE_POLLS = 400
"""Turns that an upgrade has for its part of the handshake."""

# --- upgrades ---

COMPLETES = "the handshake completes, and only encrypted bytes are read"
REFUSES = "the handshake fails"
INJECTS = "plain bytes are read as if they were encrypted"
STALLS = "the handshake never ends"
_HELLO, _PLAIN = "its handshake", "more plain text"


class _Upgrade:
    """A stream of the runtime under test on which TLS begins, and the neutral peer."""

    def __init__(self, runtime: Runtime, stream: ByteStream, peer: RawPeer, side: str) -> None:
        certificates = local_certificates()
        self._runtime = runtime
        self.plain = stream
        self.raw = peer
        self.opened: list[TlsStream] = []
        self._is_server = side == "server"
        self.context = certificates.server_context() if self._is_server else certificates.client_context()
        other = certificates.client_context() if self._is_server else certificates.server_context()
        self.peer = RawTlsPeer(peer, other, server_hostname=SERVER_NAME if self._is_server else None)

    async def begin(self) -> TlsStream:
        """Begin TLS and make the handshake."""
        tls = tls_of(self._runtime)
        name = None if self._is_server else SERVER_NAME
        stream = await tls.start_tls(self.plain, self.context, server_side=self._is_server, server_hostname=name)
        self.opened.append(stream)
        await stream.do_handshake()
        return stream

    async def drop(self, trial: Trial) -> str:
        """Abort the stream, whichever it is; return what becomes of that."""
        stream = self.opened[0] if self.opened else self.plain
        return (await attempt(self._runtime, trial, "upgrade", "aborts", stream.abort)).answer


async def _accepted(runtime: Runtime) -> tuple[ByteStream, RawPeer]:
    listener = await runtime.listen()
    peer = dial(listener)
    stream = await listener.accept()
    await listener.aclose()
    return stream, peer


async def _connected(runtime: Runtime) -> tuple[ByteStream, RawPeer]:
    with RawListener() as listener:
        stream = await runtime.connect(*listener.address)
        return stream, listener.accept()


async def _open(runtime: Runtime, side: str) -> _Upgrade:
    stream, peer = await (_accepted if side == "server" else _connected)(runtime)
    return _Upgrade(runtime, stream, peer, side)


async def ask_upgrade(runtime: Runtime, trial: Trial) -> str:
    """The peer sends a command and what follows it at once; this side reads the command, and begins TLS."""
    what = trial.parameters["behind"]
    upgrade = await _open(runtime, "server" if what == _HELLO else side_of(trial))
    peer = upgrade.peer
    peer.send_raw(_COMMAND + (peer.begin_handshake() if what == _HELLO else _INJECTED))
    await settle(runtime)
    await upgrade.plain.receive_some(len(_COMMAND))
    beginning, found = Attempt(runtime, trial, "upgrade"), b""
    async with runtime.open_task_group() as group:
        await group.spawn(beginning.make, "begins TLS", upgrade.begin)
        await beginning.settled()
        with suppress(OSError):
            await peer.handshake(runtime, _UPGRADE_POLLS)
        await beginning.patiently()
        if beginning.answer == RETURNS:
            peer.send(_SECRET)
            reading = await attempt(runtime, trial, "upgrade", "reads", receive_exactly, beginning.result, len(_SECRET))
            found = reading.result or b""
        peer.reset()
        await group.cancel()
    await upgrade.drop(trial)
    if beginning.answer != RETURNS:
        return REFUSES if beginning.ended else STALLS
    return _judge(found)


def _judge(found: bytes) -> str:
    if found == _SECRET:
        return COMPLETES
    return INJECTS if found and _INJECTED.startswith(found) else "the encrypted bytes do not arrive"


upgrade_with_bytes_buffered = make_question(
    ask_upgrade,
    name="tls.upgrade-with-bytes-buffered",
    question="A peer sends a command and, in the same packet, what follows: TLS begins behind the command. Is it safe?",
    contract=("Bytes that came in plain text before TLS are never received as if they were encrypted.",),
    ref=f"{_MODULE}:upgrade_with_bytes_buffered",
    answers={
        COMPLETES: allowed("the bytes behind the command belong to TLS"),
        REFUSES: allowed("plain text is no handshake"),
        INJECTS: forbidden(
            "the reader keeps bytes from before TLS: what an attacker put behind the command counts as sent by the "
            "authenticated peer",
            _INJECTION,
            harm=Harm.DATA,
        ),
        STALLS: forbidden(
            "the handshake of the peer lies in the buffer of the reader, where TLS does not look", harm=Harm.HANG
        ),
        "the encrypted bytes do not arrive": forbidden("the upgraded stream does not work", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the upgrade waits for ever"),
    },
    parameters=(
        Parameter(name="behind", default=_PLAIN, summary="what follows the command", choices=(_PLAIN, _HELLO)),
    ),
    rows={"quick": grid(behind=(_PLAIN, _HELLO))},
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-upgrade-keeps-plain-bytes",),
)


STUCK = "the abort never ends"


async def ask_upgrade_given_up(runtime: Runtime, trial: Trial) -> str:
    """The peer stays silent; the upgrade is cancelled, and the stream aborted."""
    upgrade = await _open(runtime, side_of(trial))
    beginning = Attempt(runtime, trial, "upgrade")
    async with runtime.open_task_group() as group:
        await group.spawn(beginning.make, "begins TLS", upgrade.begin)
        await beginning.settled()
        await group.cancel()
    aborted = await upgrade.drop(trial)
    received = await upgrade.raw.receive_to_end(runtime)
    upgrade.raw.reset()
    if received.end == STAYS_OPEN:
        return OPEN
    return CLOSED if aborted != NEVER_ENDS else STUCK


upgrade_given_up = make_question(
    ask_upgrade_given_up,
    name="tls.upgrade-given-up",
    question="An upgrade to TLS with a silent peer is cancelled and the stream aborted: is the connection closed?",
    contract=("A stream whose upgrade was given up can be closed.",),
    ref=f"{_MODULE}:upgrade_given_up",
    answers={
        CLOSED: allowed("nothing is left"),
        OPEN: forbidden(
            "the plain stream has lost its descriptor to TLS, and TLS has lost its caller",
            harm=Harm.LEAK,
            symptom=SOCKET_STAYS_OPEN,
        ),
        STUCK: forbidden("the connection is closed, and the task that has closed it waits on", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the abort waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    screening=False,
    catches=("tls-abort-before-handshake-does-nothing",),
)

WORKS = "it works, and closes"
DOES_NOT_CLOSE = "it works, and its close never ends"


async def ask_upgraded(runtime: Runtime, trial: Trial) -> str:
    """TLS begins on a stream; a word goes each way; this side closes, then the peer."""
    upgrade = await _open(runtime, side_of(trial))
    beginning, closing = Attempt(runtime, trial, "upgrade"), Attempt(runtime, trial, "upgrade")
    peer, found, received = upgrade.peer, b"", b""
    async with runtime.open_task_group() as group:
        await group.spawn(beginning.make, "begins TLS", upgrade.begin)
        await beginning.settled()  # the handshake of the peer is not to lie in the buffer of a reader
        await peer.handshake(runtime)
        await beginning.patiently()
        if beginning.answer == RETURNS:
            await beginning.result.send_all(_SECRET)
            received = await peer.receive_bytes(runtime, len(_SECRET))
            peer.send(_SECRET)
            reading = await attempt(runtime, trial, "upgrade", "reads", receive_exactly, beginning.result, len(_SECRET))
            found = reading.result
            await group.spawn(closing.make, "closes", beginning.result.aclose)
            await peer.receive_to_end(runtime)
            peer.close_notify()
            peer.close()
            await closing.patiently()
        await group.cancel()
    if closing.answer != RETURNS:
        await upgrade.drop(trial)
    if (received, found) != (_SECRET, _SECRET):
        return "the encrypted bytes do not arrive"
    return {RETURNS: WORKS, NEVER_ENDS: DOES_NOT_CLOSE}.get(closing.answer, f"the close {closing.answer}")


upgraded = make_question(
    ask_upgraded,
    name="tls.upgraded-stream",
    question="Does a stream on which TLS began later work as one that had it from the start?",
    contract=("An upgraded stream sends, receives and closes.",),
    ref=f"{_MODULE}:upgraded",
    answers={
        WORKS: allowed("as a stream that had TLS from the start"),
        DOES_NOT_CLOSE: forbidden("both sides have closed, and the close still waits", harm=Harm.HANG),
        "the encrypted bytes do not arrive": forbidden("the upgraded stream does not work", harm=Harm.DATA),
        "the close raises broken": interesting("the close repeats that the peer has gone"),
        "the close raises other": interesting("the close repeats that the peer has gone"),
        NEVER_ENDS: forbidden("the stream waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-upgraded-close-hangs",),
)

SCENARIOS: tuple[Scenario, ...] = (upgrade_with_bytes_buffered, upgrade_given_up, upgraded)
