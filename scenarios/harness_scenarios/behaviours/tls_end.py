"""The end of a TLS stream as this side sees it: with and without close_notify, by its own close, and a half-close."""

from __future__ import annotations

from harness.api import Harm, Runtime, Scenario, TlsStream, allowed, forbidden, interesting

from .question import NEVER_ENDS, Trial, make_question
from .raw_peer import RESET, STAYS_OPEN
from .raw_tls_peer import CLOSE_NOTIFY, TRUNCATED, TlsLink
from .stream_attempt import RETURNS, Attempt, attempt, settle
from .tls_close import NEEDS, SECONDS, side_of

_MODULE = "harness_scenarios.behaviours.tls_end"
_RFC = "RFC 8446, 6.1"

# --- what this side sees of a close ---

END = "the end of stream"
CLOSE_STUCK = "the end of stream, and then a close that never ends"
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
        if not found and not reading.ended:
            return NEVER_ENDS
        if not found or (reading.answer == RETURNS and b"".join(found) != b"last words"):
            return "the bytes before the end are lost"
        if reading.answer != RETURNS:
            return reading.answer
        again = await attempt(runtime, trial, "reader", "reads again", stream.receive_some, 1000)
        if again.result != b"":
            return f"the end of stream, then {again.answer}"
        closing = await attempt(runtime, trial, "reader", "closes", stream.aclose)
        return END if closing.ended else CLOSE_STUCK


async def ask_peer_closes(runtime: Runtime, trial: Trial) -> str:
    """The peer sends a few bytes, a close_notify, and the end of TCP."""
    return await _ask_end(runtime, trial, notifies=True)


_AGAIN = {
    CLOSE_STUCK: forbidden("both sides have ended, and the close still waits", harm=Harm.HANG),
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
    seconds=SECONDS,
    catches=("tls-end-raises", "tls-end-hangs", "tls-read-exceeds-its-limit", "tls-close-behind-the-end-hangs"),
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
    seconds=SECONDS,
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
    seconds=SECONDS,
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
    seconds=SECONDS,
    catches=("tls-half-close-in-name",),
)

SCENARIOS: tuple[Scenario, ...] = (peer_closes, truncation, close_wakes_reader, half_close)
