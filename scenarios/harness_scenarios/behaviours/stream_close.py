"""The end of a stream that this side closes: wake-up of waiters, flush, and errors of later calls."""

from __future__ import annotations

from harness.api import ByteStream, Graded, Harm, Runtime, Scenario, allowed, forbidden, interesting

from .question import NEVER_ENDS, Trial, make_question
from .raw_peer import END_OF_STREAM, RESET, SOCKET_STAYS_OPEN, STAYS_OPEN, Link, RawPeer, Received
from .stream_attempt import NEEDED, RETURNS, Attempt, attempt, settle, wait_patiently

VARIANTS = ("asyncio:io=sock", "uvloop:io=sock", "threads:close=shutdown")
"""`loop.sock_recv` and `loop.sock_sendall` instead of streams; `socket.shutdown` before `socket.close`."""

_MODULE = "harness_scenarios.behaviours.stream_close"
_SEVERAL = 5
_READ_BYTES = 4096
CHUNK = bytes(64 << 10)
_MOST_CHUNKS = 1024
"""64 MiB, more than any system's socket buffers hold by default: the sender is made to wait before it comes here."""
_STILL_TURNS = 10
_BIG_BYTES = 16 << 20
_SMALL_BUFFER = 16 << 10
"""Receive buffer of a peer that is meant to be full soon."""


class Filling:
    """A sender that fills the stream to a silent peer chunk by chunk, until it has to wait."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.accepted = 0
        """Bytes of the sends that returned."""

    @property
    def is_complete(self) -> bool:
        """Whether all was accepted."""
        return self.accepted == _MOST_CHUNKS * len(CHUNK)

    async def fill(self) -> None:
        """Send up to 64 MiB."""
        for _ in range(_MOST_CHUNKS):
            await self._stream.send_all(CHUNK)
            self.accepted += len(CHUNK)

    async def stalled(self, runtime: Runtime) -> None:
        """Wait until nothing more was accepted for some turns."""
        still, before = 0, -1
        while still < _STILL_TURNS:
            still = still + 1 if self.accepted == before else 0
            before = self.accepted
            await settle(runtime)


# --- wakes ---


async def ask_wakes_reader(runtime: Runtime, trial: Trial) -> str:
    """A task waits in a read; another one closes the stream."""
    async with Link(runtime) as (stream, peer):
        reading, closing = Attempt(runtime, trial, "reader"), Attempt(runtime, trial, "closer")
        async with runtime.open_task_group() as group:
            await group.spawn(reading.make, "reads", stream.receive_some, _READ_BYTES)
            await reading.settled()
            await group.spawn(closing.make, "closes", stream.aclose)
            await wait_patiently(runtime, lambda: reading.ended and closing.ended)
            answer, closed = reading.answer, closing.ended
            peer.reset()  # frees a reader that is still in the kernel
            await group.cancel()
        if not closed:
            return "the close never ends"
        return "the end of stream" if answer == RETURNS else answer


close_wakes_reader = make_question(
    ask_wakes_reader,
    name="stream.close-wakes-reader",
    question="What does a waiting read say when another task of this side closes the stream?",
    contract=("Closing a stream ends whoever waits in it.",),
    ref=f"{_MODULE}:close_wakes_reader",
    answers={
        "raises closed": allowed("the reader sees that its own side has closed", "trio #36"),
        "the end of stream": interesting("the reader cannot tell its own close from the end that a peer sends"),
        "raises broken": interesting("the reader sees that the peer has gone"),
        "raises other": interesting("the reader is woken, by an error that does not say why"),
        "the close never ends": forbidden("the close waits for the reader", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the reader sleeps on a closed descriptor for ever", "uvloop #100, trio #36, close(2)"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=VARIANTS,
    catches=("own-close-wakes-nobody", "close-hangs"),
)


async def ask_wakes_writer(runtime: Runtime, trial: Trial) -> str:
    """A task waits in a send to a silent peer; another one closes the stream; then the peer reads."""
    async with Link(runtime) as (stream, peer):
        sending, closing = Attempt(runtime, trial, "sender"), Attempt(runtime, trial, "closer")
        async with runtime.open_task_group() as group:
            await group.spawn(sending.make, "sends 16 MiB", stream.send_all, bytes(_BIG_BYTES))
            await sending.settled()
            await group.spawn(closing.make, "closes", stream.aclose)
            await closing.settled()
            answer = sending.answer
            if not sending.ended:
                received = await _read_all(runtime, trial, peer)
                answer = f"waits until the peer reads, then {await sending.patiently()}"
                if sending.answer == RETURNS and received.count != _BIG_BYTES:
                    answer = "returns, and bytes are lost"
            peer.reset()
            await group.cancel()
        return answer


close_wakes_writer = make_question(
    ask_wakes_writer,
    name="stream.close-wakes-writer",
    question="What does a waiting send say when another task of this side closes the stream?",
    contract=("Closing a stream ends whoever waits in it, or what waits is still sent.",),
    ref=f"{_MODULE}:close_wakes_writer",
    answers={
        "raises closed": allowed("the sender sees that its own side has closed"),
        "raises broken": interesting("the sender sees that the peer has gone"),
        "raises other": interesting("the sender is woken, by an error that does not say why"),
        "waits until the peer reads, then returns": interesting(
            "close flushes written bytes, as documented; a silent peer holds both", "asyncio docs, WriteTransport"
        ),
        "waits until the peer reads, then raises closed": interesting(
            "the sender sleeps on a closed descriptor until the peer moves", "close(2)"
        ),
        "waits until the peer reads, then raises broken": interesting(
            "the sender sleeps on a closed descriptor until the peer moves", "close(2)"
        ),
        "waits until the peer reads, then never ends": forbidden(
            "the sender sleeps on a closed descriptor for ever", harm=Harm.HANG
        ),
        RETURNS: forbidden("a send of bytes that the peer never read looks as if it had worked"),
        "returns, and bytes are lost": forbidden("a send that returned was dropped", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the sender sleeps on a closed descriptor for ever"),
    },
    requires=NEEDED,
    repetitions=1,
    variants=VARIANTS,
    catches=("own-close-wakes-nobody", "own-close-hidden"),
)


# --- flushes ---


async def ask_flushes(runtime: Runtime, trial: Trial) -> str:
    """Fill the stream to a silent peer, close it, and let the peer read to the end."""
    async with Link(runtime, receive_buffer=_SMALL_BUFFER) as (stream, peer):
        filling = Filling(stream)
        async with runtime.open_task_group() as group:
            await group.spawn(filling.fill)
            await filling.stalled(runtime)
            await group.cancel()
        trial.step("sender", "is made to wait, and gives up")
        closing = Attempt(runtime, trial, "closer")
        async with runtime.open_task_group() as group:
            await group.spawn(closing.make, "closes", stream.aclose)
            received = await _read_all(runtime, trial, peer)
            answer = await closing.patiently()
            peer.reset()
            await group.cancel()
        return _describe_flush(filling.accepted, received, answer)


def _describe_flush(accepted: int, received: Received, closing: str) -> str:
    if closing != RETURNS:
        return f"the close {closing}"
    if received.count < accepted:
        return "accepted bytes are lost"
    return f"every accepted byte arrives, then {received.end}"


close_flushes = make_question(
    ask_flushes,
    name="stream.close-flushes",
    question="Do all bytes arrive that were accepted before the close?",
    contract=("What `send_all` has accepted arrives after an orderly close, and then the end of stream.",),
    ref=f"{_MODULE}:close_flushes",
    answers={
        f"every accepted byte arrives, then {END_OF_STREAM}": allowed("an orderly close"),
        f"every accepted byte arrives, then {RESET}": forbidden("an orderly close is seen as a reset"),
        f"every accepted byte arrives, then {STAYS_OPEN}": forbidden(
            "the peer is never told that this side has closed", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        "accepted bytes are lost": forbidden(
            "the close has discarded what sends that returned had accepted", harm=Harm.DATA
        ),
        f"the close {NEVER_ENDS}": forbidden("the peer has read everything and the close still waits", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the close waits for ever"),
    },
    requires=NEEDED,
    repetitions=2,
    variants=VARIANTS,
    catches=("close-discards", "close-in-name"),
)


async def ask_unread(runtime: Runtime, trial: Trial) -> str:
    """The peer sends what this side never reads; this side sends a reply and closes."""
    async with Link(runtime) as (stream, peer):
        peer.send(b"never read")
        trial.step("peer", "sends")
        await settle(runtime)
        await stream.send_all(b"reply")
        closing = await attempt(runtime, trial, "task", "sends a reply and closes", stream.aclose)
        if closing.answer != RETURNS:
            return f"the close {closing.answer}"
        received = await _read_all(runtime, trial, peer)
        if received.head != b"reply":
            return "the reply is lost"
        return f"the reply, then {received.end}"


close_with_unread_bytes = make_question(
    ask_unread,
    name="stream.close-with-unread-bytes",
    question="What does the peer see when this side closes and has not read everything?",
    contract=("The peer sees the close.",),
    ref=f"{_MODULE}:close_with_unread_bytes",
    answers={
        f"the reply, then {RESET}": allowed("the kernel resets if bytes were not read", "RFC 2525, 2.17"),
        f"the reply, then {END_OF_STREAM}": interesting(
            "the runtime has read ahead, so the peer does not learn that its bytes were never looked at"
        ),
        f"the reply, then {STAYS_OPEN}": forbidden(
            "the peer is never told of the close", harm=Harm.LEAK, symptom=SOCKET_STAYS_OPEN
        ),
        "the reply is lost": interesting("a reset may overtake the reply", "RFC 2525, 2.17"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=VARIANTS,
    catches=("close-in-name",),
)

# --- later calls ---

CLOSED_ANSWERS: dict[str, Graded] = {
    "raises closed": allowed("this side has closed it"),
    "raises broken": interesting("it looks as if the peer had gone"),
    "raises other": interesting("an error that does not say that the stream is closed"),
}


async def ask_send(runtime: Runtime, trial: Trial) -> str:
    """Close, then send."""
    async with Link(runtime) as (stream, _):
        await stream.aclose()
        trial.step("task", "closes")
        return (await attempt(runtime, trial, "task", "sends", stream.send_all, b"late")).answer


send_after_close = make_question(
    ask_send,
    name="stream.send-after-close",
    question="What does a send say on a stream that this side has closed?",
    contract=("A send on a closed stream raises.",),
    ref=f"{_MODULE}:send_after_close",
    answers={
        **CLOSED_ANSWERS,
        RETURNS: forbidden("bytes without a receiver are accepted in silence"),
        NEVER_ENDS: forbidden("the send waits for ever"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=VARIANTS,
    catches=("own-close-hidden",),
)


async def ask_receive(runtime: Runtime, trial: Trial) -> str:
    """The peer sends; this side closes, then reads."""
    async with Link(runtime) as (stream, peer):
        peer.send(b"unread")
        await settle(runtime)
        await stream.aclose()
        trial.step("task", "closes")
        late = await attempt(runtime, trial, "task", "reads", stream.receive_some, _READ_BYTES)
        if late.answer != RETURNS:
            return late.answer
        return "the unread bytes" if late.result else "the end of stream"


receive_after_close = make_question(
    ask_receive,
    name="stream.receive-after-close",
    question="What does a read say on a stream that this side has closed with bytes unread?",
    contract=("A read on a closed stream does not wait.",),
    ref=f"{_MODULE}:receive_after_close",
    answers={
        **CLOSED_ANSWERS,
        "the unread bytes": interesting("a closed stream still gives the bytes that the runtime had read ahead"),
        "the end of stream": interesting("the reader cannot tell its own close from the end that a peer sends"),
        NEVER_ENDS: forbidden("the read waits for ever"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=VARIANTS,
    catches=("own-close-wakes-nobody",),
)


async def ask_close_twice(runtime: Runtime, trial: Trial) -> str:
    """Close, and close again."""
    async with Link(runtime) as (stream, _):
        await stream.aclose()
        trial.step("task", "closes")
        return (await attempt(runtime, trial, "task", "closes again", stream.aclose)).answer


close_twice = make_question(
    ask_close_twice,
    name="stream.close-twice",
    question="What does a second close of a stream do?",
    contract=("Closing a closed stream does nothing.",),
    ref=f"{_MODULE}:close_twice",
    answers={
        RETURNS: allowed("closing a closed stream does nothing"),
        "raises closed": interesting("a second close is an error"),
        "raises broken": interesting("a second close is an error"),
        "raises other": interesting("a second close is an error"),
        NEVER_ENDS: forbidden("the second close waits for ever"),
    },
    requires=NEEDED,
    repetitions=1,
    variants=VARIANTS,
    catches=("second-close-hangs",),
)


async def ask_close_after_reset(runtime: Runtime, trial: Trial) -> str:
    """The peer resets; this side closes."""
    async with Link(runtime) as (stream, peer):
        peer.reset()
        trial.step("peer", "resets")
        await settle(runtime)
        return (await attempt(runtime, trial, "task", "closes", stream.aclose)).answer


close_after_reset = make_question(
    ask_close_after_reset,
    name="stream.close-after-reset",
    question="Can a stream be closed that the peer has reset?",
    contract=("Closing frees the stream whatever the peer has done.",),
    ref=f"{_MODULE}:close_after_reset",
    answers={
        RETURNS: allowed("there is nothing to tell"),
        "raises broken": interesting("the close repeats that the peer has gone, so each close needs a guard"),
        "raises closed": interesting("the close repeats that the connection is lost, so each close needs a guard"),
        "raises other": interesting("the close raises, so each close needs a guard"),
        NEVER_ENDS: forbidden("the close waits for a peer that has gone"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=VARIANTS,
    catches=("close-hangs",),
)


async def _read_all(runtime: Runtime, trial: Trial, peer: RawPeer) -> Received:
    received = await peer.receive_to_end(runtime)
    trial.step("peer", f"reads to the end: {received.end}")
    return received


SCENARIOS: tuple[Scenario, ...] = (
    close_wakes_reader,
    close_wakes_writer,
    close_flushes,
    close_with_unread_bytes,
    send_after_close,
    receive_after_close,
    close_twice,
    close_after_reset,
)
