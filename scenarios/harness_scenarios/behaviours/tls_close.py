"""How a TLS connection ends: closes of either side, with and without close_notify, and peers that go on sending."""

from __future__ import annotations

from contextlib import suppress

from harness.api import Capability, Harm, Runtime, Scenario, TlsStream, allowed, forbidden, interesting

from .question import NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import RESET, SOCKET_STAYS_OPEN, STAYS_OPEN
from .raw_tls_peer import CLOSE_NOTIFY, TRUNCATED, RawTlsPeer, TlsLink
from .stream_attempt import RETURNS, Attempt, attempt, settle, wait_patiently

NEEDS = (Capability.TLS, Capability.GROUP_CANCEL)
SIDES = ("client", "server")
"""Of the runtime under test; each question asks both, one trial each."""

_MODULE = "harness_scenarios.behaviours.tls_close"
_UVLOOP_471 = "https://github.com/MagicStack/uvloop/issues/471"
_RFC = "RFC 8446, 6.1"
_CHUNK = bytes(1 << 18)
_MOST_BYTES = 48 << 20
"""More than the buffers of any system hold by default, on both sides together."""
_QUIET_TURNS = 150
_TURNS_TO_CLOSE = 100


def side_of(trial: Trial) -> str:
    """Return the side of the runtime under test in a trial."""
    return SIDES[trial.number % len(SIDES)]


# --- the peer goes on sending ---

CUT_OFF = "the close returns, and the peer cannot send on"
RECEIVES_ON = "the closed stream goes on receiving"
OPEN_CLOSED = "the close returns, and the descriptor stays open"


class Flood:
    """A peer that sends for ever, and never reads."""

    def __init__(self, runtime: Runtime, peer: RawTlsPeer) -> None:
        self._runtime = runtime
        self._peer = peer
        self.sent = 0
        self.cut = False

    async def send(self) -> None:
        """Send until the connection is cut, the system takes no more, or it was too much."""
        still = 0
        while self.sent < _MOST_BYTES and still < _QUIET_TURNS:
            try:
                if not self._peer.has_unsent:
                    self._peer.encrypt_more(_CHUNK)
                taken = self._peer.flush()
            except ConnectionError:
                self.cut = True
                return
            self.sent += taken
            still = 0 if taken else still + 1
            await (self._runtime.checkpoint() if taken else self._runtime.sleep(0.001))


async def ask_close_while_peer_sends(runtime: Runtime, trial: Trial) -> str:
    """The peer sends for ever; this side reads a little and closes."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        flood, closing = Flood(runtime, peer), Attempt(runtime, trial, "closer")
        peer.send(b"first")
        await stream.receive_some(5)
        async with runtime.open_task_group() as group:
            await group.spawn(closing.make, "closes", stream.aclose)
            await flood.send()
            if flood.cut:
                await closing.patiently()
            answer = closing.answer
            peer.reset()
            await group.cancel()
        trial.observe("bytes sent after the close", flood.sent)
    if flood.sent >= _MOST_BYTES:
        return RECEIVES_ON
    if answer != RETURNS:
        return f"the close {answer}"
    return CUT_OFF if flood.cut else OPEN_CLOSED


close_while_peer_sends = make_question(
    ask_close_while_peer_sends,
    name="tls.close-while-peer-sends",
    question="A peer sends without end over TLS, and this side closes: is the connection closed?",
    contract=("Closing a TLS stream closes its descriptor, also while the peer goes on sending.",),
    ref=f"{_MODULE}:close_while_peer_sends",
    answers={
        CUT_OFF: allowed("the peer sees that the connection is gone"),
        RECEIVES_ON: forbidden(
            "the close reads and drops what the peer sends, and waits for its close_notify: memory, network and a "
            "descriptor are in use until the peer ends or 30 s have passed",
            _UVLOOP_471,
            harm=Harm.LEAK,
        ),
        OPEN_CLOSED: forbidden("nothing reads, and nothing has closed", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN),
        f"the close {NEVER_ENDS}": forbidden("the close waits for the peer", harm=Harm.HANG),
        "the close raises broken": interesting("the close repeats that the peer has not ended TLS"),
        "the close raises other": interesting("the close repeats that the peer has not ended TLS"),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    judges={"bytes sent after the close": NOTED},
    repetitions=2,
    requires=NEEDS,
    catches=("tls-close-reads-on", "tls-close-in-name"),
)

# --- the peer does nothing ---

AT_ONCE = "the close returns"
WAITS_NOTIFY = "the close waits for the close_notify of the peer"
WAITS_TCP = "the close waits for the end of TCP"


async def ask_silent_peer(runtime: Runtime, trial: Trial) -> str:
    """This side closes; the peer neither reads nor answers, then ends TLS, and at last TCP."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        closing = Attempt(runtime, trial, "closer")
        async with runtime.open_task_group() as group:
            await group.spawn(closing.make, "closes", stream.aclose)
            await closing.patiently()
            answer = AT_ONCE if closing.answer == RETURNS else ""
            if not closing.ended:
                await peer.receive_to_end(runtime)
                peer.close_notify()
                await closing.patiently()
                answer = WAITS_NOTIFY if closing.answer == RETURNS else ""
            if not closing.ended:
                peer.close()
                await closing.patiently()
                answer = WAITS_TCP if closing.answer == RETURNS else ""
            peer.reset()
            await group.cancel()
        return answer or f"the close {closing.answer}"


close_against_silent_peer = make_question(
    ask_silent_peer,
    name="tls.close-against-silent-peer",
    question="Does the close of a TLS stream wait for a peer that does not answer?",
    contract=("A close ends once the peer has ended.",),
    ref=f"{_MODULE}:close_against_silent_peer",
    answers={
        AT_ONCE: allowed("the peer need not answer", _RFC),
        WAITS_NOTIFY: interesting("a silent peer holds the close up for 30 s (ssl_shutdown_timeout)", _RFC),
        WAITS_TCP: interesting("the close waits until the peer has closed TCP"),
        f"the close {NEVER_ENDS}": forbidden("the peer has gone and the close still waits", harm=Harm.HANG),
        "the close raises broken": interesting("the close repeats that the peer has gone"),
        "the close raises other": interesting("the close repeats that the peer has gone"),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    screening=False,
    catches=("tls-close-hangs",),
)

# --- what the peer sees of a close ---


async def ask_close_tells(runtime: Runtime, trial: Trial) -> str:
    """This side sends a few bytes and closes; the peer reads to the end, and answers the close."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        closing = Attempt(runtime, trial, "closer")
        await stream.send_all(b"last words")
        async with runtime.open_task_group() as group:
            await group.spawn(closing.make, "closes", stream.aclose)
            received = await peer.receive_to_end(runtime)
            trial.step("peer", f"reads {received.head!r}, then {received.end}")
            peer.close_notify()
            with suppress(OSError):
                peer.send_eof()
            await closing.patiently()
            peer.reset()
            await group.cancel()
    if received.head != b"last words":
        return "the bytes before the close are lost"
    return f"the peer sees {received.end}" if closing.answer == RETURNS else f"the close {closing.answer}"


close_tells_peer = make_question(
    ask_close_tells,
    name="tls.close-tells-the-peer",
    question="What does the peer see when this side closes a TLS stream?",
    contract=("The bytes before the close arrive, and then an end.",),
    ref=f"{_MODULE}:close_tells_peer",
    answers={
        f"the peer sees {CLOSE_NOTIFY}": allowed("a close_notify: the peer knows that nothing was cut off", _RFC),
        f"the peer sees {TRUNCATED}": interesting(
            "no close_notify: to a strict peer every close looks like an attack that cut the stream off", _RFC
        ),
        f"the peer sees {RESET}": forbidden("an orderly close is seen as a reset", harm=Harm.DATA),
        f"the peer sees {STAYS_OPEN}": forbidden(
            "the peer never learns of the close", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        "the bytes before the close are lost": forbidden("the close has discarded accepted bytes", harm=Harm.DATA),
        f"the close {NEVER_ENDS}": forbidden("the peer has ended and the close still waits", harm=Harm.HANG),
        "the close raises broken": interesting("the close repeats that the peer has gone"),
        "the close raises other": interesting("the close repeats that the peer has gone"),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    catches=("tls-close-discards", "tls-close-in-name"),
)

# --- closed without having read ---

ALL_ARRIVE = "every byte arrives"
CUT_OFF_BYTES = "a reset cuts the bytes off"
_BIG_BYTES = 1 << 18
"""It fits into the buffers of this side, and not into those of the peer."""
_SMALL_BUFFER = 16 << 10


async def ask_unread_tickets(runtime: Runtime, trial: Trial) -> str:
    """The server has sent its session tickets; this side sends 256 KiB, reads nothing, and closes."""
    async with TlsLink(runtime, tickets=2, receive_buffer=_SMALL_BUFFER) as (stream, peer):
        closing = Attempt(runtime, trial, "client")

        async def send_and_close() -> None:
            await stream.send_all(bytes(_BIG_BYTES))
            await stream.aclose()

        async with runtime.open_task_group() as group:
            await group.spawn(closing.make, "sends 256 KiB and closes", send_and_close)
            await wait_patiently(runtime, lambda: closing.ended, turns=_TURNS_TO_CLOSE)
            received = await peer.receive_to_end(runtime)
            peer.close_notify()
            peer.close()
            await closing.patiently()
            await group.cancel()
    trial.step("server", f"reads {received.count} bytes, then {received.end}")
    if closing.answer != RETURNS:
        return f"the client {closing.answer}"
    if received.count == _BIG_BYTES:
        return ALL_ARRIVE
    return CUT_OFF_BYTES if received.end == RESET else "bytes are lost"


unread_tickets = make_question(
    ask_unread_tickets,
    name="tls.close-with-unread-tickets",
    question="A TLS client sends 256 KiB and closes without ever reading: does it all arrive?",
    contract=("The bytes that arrive are a beginning of those that were sent.",),
    ref=f"{_MODULE}:unread_tickets",
    answers={
        ALL_ARRIVE: allowed("the runtime has read the session tickets that every server of TLS 1.3 sends"),
        CUT_OFF_BYTES: interesting(
            "the session tickets of the server are unread at the close, so the kernel resets and drops what it has not "
            "sent: a client that only sends must read once before it closes",
            "https://github.com/openssl/openssl/issues/7948",
            harm=Harm.DATA,
        ),
        "bytes are lost": forbidden("the stream looks complete and is not", harm=Harm.DATA),
        f"the client {NEVER_ENDS}": forbidden("the close waits for ever", harm=Harm.HANG),
        "the client raises broken": interesting("the close repeats that the peer has gone"),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    repetitions=1,
    requires=NEEDS,
    screening=False,
    catches=("tls-close-discards",),
)

# --- what this side sees of a close ---

END = "the end of stream"
_FEW = 4
"""Bytes of the first read, fewer than have come."""
_ENDS = {
    "close_notify": (allowed, "the peer has ended TLS"),
    "no close_notify": (interesting, "bytes that an attacker has cut off are not missed"),
}


async def _read_to_end(stream: TlsStream) -> bytes:
    found = b""
    while data := await stream.receive_some(1000):
        found += data
    return found


async def _ask_end(runtime: Runtime, trial: Trial, *, notifies: bool) -> str:
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        peer.send(b"last words")
        if notifies:
            peer.close_notify()
        peer.send_eof()
        found: list[bytes] = []

        async def read() -> None:
            found.append(await stream.receive_some(_FEW))
            found.append(await _read_to_end(stream))

        reading = await attempt(runtime, trial, "reader", "reads to the end", read)
        if found and len(found[0]) > _FEW:
            return "a read returns more bytes than it was asked for"
        if not found or (reading.answer == RETURNS and b"".join(found) != b"last words"):
            return "the bytes before the end are lost"
        if reading.answer != RETURNS:
            return reading.answer
        again = await attempt(runtime, trial, "reader", "reads again", stream.receive_some, 1000)
        return END if again.result == b"" else f"the end of stream, then {again.answer}"


async def ask_peer_closes(runtime: Runtime, trial: Trial) -> str:
    """The peer sends a few bytes, a close_notify, and the end of TCP."""
    return await _ask_end(runtime, trial, notifies=True)


_AGAIN = {
    "the end of stream, then raises closed": interesting("a second read at the end raises"),
    "the end of stream, then raises broken": interesting("a second read at the end raises"),
    "the end of stream, then raises other": interesting("a second read at the end raises"),
    f"the end of stream, then {NEVER_ENDS}": forbidden("a second read at the end waits for ever", harm=Harm.HANG),
    "the end of stream, then returns": forbidden("bytes come after the end", harm=Harm.DATA),
    "a read returns more bytes than it was asked for": forbidden("the limit of a read holds"),
    "the bytes before the end are lost": forbidden("bytes that came before the end are dropped", harm=Harm.DATA),
    NEVER_ENDS: forbidden("the reader waits for ever"),
}

peer_closes = make_question(
    ask_peer_closes,
    name="tls.peer-closes",
    question="What does a reader see when the peer has ended TLS with a close_notify?",
    contract=("The bytes before the end arrive, then the end of stream, each time.",),
    ref=f"{_MODULE}:peer_closes",
    answers={
        END: allowed("the peer has ended TLS", _RFC),
        "raises closed": forbidden("an orderly end raises"),
        "raises broken": forbidden("an orderly end raises"),
        "raises other": forbidden("an orderly end raises"),
        **_AGAIN,
    },
    repetitions=2,
    requires=NEEDS,
    catches=("tls-end-raises", "tls-end-hangs", "tls-read-exceeds-its-limit"),
)


async def ask_truncation(runtime: Runtime, trial: Trial) -> str:
    """The peer sends a few bytes and the end of TCP, without close_notify."""
    return await _ask_end(runtime, trial, notifies=False)


truncation = make_question(
    ask_truncation,
    name="tls.truncation-is-visible",
    question="What does a reader see when TCP ends and the peer has not ended TLS?",
    contract=("The bytes before the end arrive, and the reader does not wait for ever.",),
    ref=f"{_MODULE}:truncation",
    answers={
        "raises broken": allowed("the reader can tell a stream that was cut off from its end", _RFC),
        "raises other": allowed("the reader can tell a stream that was cut off from its end", _RFC),
        "raises closed": interesting("it looks as if this side had closed"),
        END: interesting(
            "a stream that an attacker has cut off looks complete: the length must be in the protocol", _RFC
        ),
        **_AGAIN,
    },
    repetitions=2,
    requires=NEEDS,
    catches=("tls-truncation-hangs",),
)

# --- this side closes while it reads ---


async def ask_close_wakes_reader(runtime: Runtime, trial: Trial) -> str:
    """A task waits in a read, another one closes the stream; the peer answers the close."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        reading, closing = Attempt(runtime, trial, "reader"), Attempt(runtime, trial, "closer")
        async with runtime.open_task_group() as group:
            await group.spawn(reading.make, "reads", stream.receive_some, 1000)
            await reading.settled()
            await group.spawn(closing.make, "closes", stream.aclose)
            await closing.settled()
            peer.close_notify()
            await settle(runtime)
            answer = await reading.patiently()
            peer.reset()  # frees a reader that is still in the kernel
            await group.cancel()
    return END if answer == RETURNS else answer


close_wakes_reader = make_question(
    ask_close_wakes_reader,
    name="tls.close-wakes-reader",
    question="What does a waiting read see when another task of this side closes the TLS stream?",
    contract=("Closing a stream ends every wait in it.",),
    ref=f"{_MODULE}:close_wakes_reader",
    answers={
        "raises closed": allowed("the reader sees that its own side has closed"),
        END: interesting("the reader cannot tell its own close from the end that a peer sends"),
        "raises broken": interesting("the reader sees that the peer has gone"),
        "raises other": interesting("the reader is woken, by an error that does not tell why"),
        NEVER_ENDS: forbidden("the reader sleeps on a closed descriptor for ever", "trio #36, close(2)"),
    },
    repetitions=2,
    requires=NEEDS,
    screening=False,
    catches=("tls-close-forgets-reader",),
)

# --- half-close ---

_REFUSED = "is refused"
HALF = "the peer sees {}, and its reply arrives"
DEAF = "the peer sees {}, and its reply is lost"


async def ask_half_close(runtime: Runtime, trial: Trial) -> str:
    """This side sends a request and half-closes; the peer reads to the end and replies."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        await stream.send_all(b"request")
        closing = await attempt(runtime, trial, "task", "half-closes", stream.send_eof)
        await settle(runtime)
        if closing.error is not None:
            await stream.send_all(b"!")
            received = await peer.receive(runtime, len(b"request!"))
            return _REFUSED if received.head == b"request!" else "is refused, and the stream is broken"
        if closing.answer != RETURNS:
            return f"the half-close {closing.answer}"
        received = await peer.receive_to_end(runtime)
        peer.send(b"reply")
        peer.close()
        reading = await attempt(runtime, trial, "task", "reads", stream.receive_some, 100)
        trial.step("peer", f"reads {received.head!r}, then {received.end}")
        if received.head != b"request":
            return "the request is lost"
        return (HALF if reading.result == b"reply" else DEAF).format(received.end)


half_close = make_question(
    ask_half_close,
    name="tls.half-close",
    question="Can one direction of a TLS stream be closed?",
    contract=("A half-close is refused, or keeps the bytes that were sent before it.",),
    ref=f"{_MODULE}:half_close",
    answers={
        _REFUSED: allowed("the runtime has no half-close over TLS, and the stream is as before"),
        HALF.format(CLOSE_NOTIFY): allowed("the half-close of TLS 1.3", _RFC),
        HALF.format(TRUNCATED): interesting("the half-close of TCP: a strict peer takes it for an attack"),
        DEAF.format(CLOSE_NOTIFY): interesting("the end of TLS ends both directions, as up to TLS 1.2"),
        DEAF.format(TRUNCATED): interesting(
            "SSLSocket.shutdown ends TLS on this side: what arrives is read undecrypted, or not at all",
            "https://docs.python.org/3/library/ssl.html#ssl.SSLSocket",
        ),
        DEAF.format(RESET): forbidden("a half-close is seen as a reset", harm=Harm.DATA),
        HALF.format(STAYS_OPEN): forbidden("a half-close that returned has done nothing"),
        DEAF.format(STAYS_OPEN): forbidden("a half-close that returned has only cut the reply off", harm=Harm.DATA),
        "is refused, and the stream is broken": forbidden("a refused half-close has broken the stream"),
        "the request is lost": forbidden("bytes that were sent before are dropped", harm=Harm.DATA),
        f"the half-close {NEVER_ENDS}": forbidden("it waits for ever", harm=Harm.HANG),
        NEVER_ENDS: forbidden("it waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    catches=("tls-half-close-in-name",),
)

SCENARIOS: tuple[Scenario, ...] = (
    close_while_peer_sends,
    close_against_silent_peer,
    close_tells_peer,
    unread_tickets,
    peer_closes,
    truncation,
    close_wakes_reader,
    half_close,
)
