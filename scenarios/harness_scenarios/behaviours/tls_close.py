"""How this side closes a TLS stream: the view of the peer, and peers that go on sending or stay silent."""

from __future__ import annotations

from contextlib import suppress

from harness.api import Capability, Harm, Runtime, Scenario, allowed, forbidden, interesting

from .question import NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import RESET, SOCKET_STAYS_OPEN, STAYS_OPEN
from .raw_tls_peer import CLOSE_NOTIFY, TRUNCATED, RawTlsPeer, TlsLink
from .stream_attempt import RETURNS, Attempt, attempt, wait_patiently

NEEDS = (Capability.TLS, Capability.GROUP_CANCEL)
SECONDS = 20.0
"""Limit of a trial: a healthy one takes less than one, and ten times that on a busy machine."""
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

    def look(self) -> None:
        """See whether the connection was cut since."""
        try:
            self._peer.flush()
        except ConnectionError:
            self.cut = True


async def ask_close_while_peer_sends(runtime: Runtime, trial: Trial) -> str:
    """The peer sends for ever; this side reads a little and closes."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        flood, closing = Flood(runtime, peer), Attempt(runtime, trial, "closer")
        peer.send(b"first")
        await stream.receive_some(5)
        async with runtime.open_task_group() as group:
            await group.spawn(closing.make, "closes", stream.aclose)
            await flood.send()
            if flood.sent < _MOST_BYTES:
                await closing.patiently()
                flood.look()
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
            "the close reads and drops the bytes of the peer, and waits for its close_notify: memory, network and a "
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
    seconds=SECONDS,
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
    seconds=SECONDS,
    screening=False,
    catches=("tls-close-hangs",),
)

# --- an abort, as the peer sees it ---


async def ask_abort(runtime: Runtime, trial: Trial) -> str:
    """This side aborts an idle stream; the peer reads to the end."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        aborting = await attempt(runtime, trial, "task", "aborts", stream.abort)
        received = await peer.receive_to_end(runtime)
    return f"the peer sees {received.end}" if aborting.answer == RETURNS else f"the abort {aborting.answer}"


abort_resets = make_question(
    ask_abort,
    name="tls.abort-resets",
    question="What does the peer see when this side aborts a TLS stream?",
    contract=("An abort closes the descriptor at once, and the peer sees that it was no end.",),
    ref=f"{_MODULE}:abort_resets",
    answers={
        f"the peer sees {RESET}": allowed("the connection is reset"),
        f"the peer sees {TRUNCATED}": interesting("the end of TCP alone: only a strict peer takes it for an error"),
        f"the peer sees {CLOSE_NOTIFY}": forbidden("a truncated stream looks complete", harm=Harm.DATA),
        f"the peer sees {STAYS_OPEN}": forbidden(
            "the peer never learns of the abort", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        f"the abort {NEVER_ENDS}": forbidden("an abort does not wait for the peer", harm=Harm.HANG),
        "the abort raises other": interesting("an abort raises"),
        NEVER_ENDS: forbidden("the abort waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-abort-in-name",),
)

# --- a close, as the peer sees it ---


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
    seconds=SECONDS,
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
            received = await peer.receive(runtime, _BIG_BYTES)
            if received.end == STAYS_OPEN:
                received.end = (await peer.receive_to_end(runtime)).end
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
            "the session tickets of the server are unread at the close, so the kernel resets and drops unsent bytes: "
            "a client that only sends must read once before it closes",
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
    seconds=SECONDS,
    screening=False,
    catches=("tls-close-discards",),
)

SCENARIOS: tuple[Scenario, ...] = (
    close_while_peer_sends,
    close_against_silent_peer,
    abort_resets,
    close_tells_peer,
    unread_tickets,
)
