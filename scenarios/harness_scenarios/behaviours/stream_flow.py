"""How bytes flow: two users of one stream, backpressure, a cancelled send, small and empty sends."""

from __future__ import annotations

from functools import partial
from time import perf_counter

from harness.api import ByteStream, Harm, Runtime, Scenario, allowed, bounded, forbidden, info, interesting

from .question import NEVER_ENDS, Trial, make_question
from .raw_peer import Link, RawPeer
from .stream_attempt import NEEDED, RETURNS, Attempt, attempt, settle, wait_patiently

SOCK = ("asyncio:io=sock", "uvloop:io=sock")
"""The other way to do TCP on asyncio and its loops: `loop.sock_recv` and `loop.sock_sendall`."""

_MODULE = "harness_scenarios.behaviours.stream_flow"
_READ_BYTES = 4096
_MIB = 1 << 20

# --- two users of one stream ---


async def ask_two_readers(runtime: Runtime, trial: Trial) -> str:
    """Two tasks read one stream; the peer sends two messages, the second when the first has been read."""
    async with Link(runtime) as (stream, peer):
        readers = [Attempt(runtime, trial, name) for name in ("first reader", "second reader")]
        async with runtime.open_task_group() as group:
            for reader in readers:
                await group.spawn(reader.make, "reads", stream.receive_some, _READ_BYTES)
                await reader.settled()
            refused = next((reader for reader in readers if reader.ended), None)
            for ended in range(1 if refused else 0, 2):
                peer.send(b"message")
                trial.step("peer", "sends")
                await wait_patiently(runtime, partial(_more_ended, readers, ended))
            served = [reader.result == b"message" for reader in readers]
            peer.reset()
            await group.cancel()
    if refused is not None:
        which = "the second" if refused is readers[1] else "the first"
        other = served[0] if refused is readers[1] else served[1]
        return f"{which} gets an error at once" if other else f"{which} gets an error at once, the other hangs"
    return _SERVED[served[0], served[1]]


def _more_ended(readers: list[Attempt], than: int) -> bool:
    return sum(reader.ended for reader in readers) > than


_SERVED = {
    (True, True): "both are served",
    (True, False): "the second hangs",
    (False, True): "the first hangs",
    (False, False): "both hang",
}

two_readers = make_question(
    ask_two_readers,
    name="stream.two-readers",
    question="What becomes of two tasks that read one stream at once?",
    contract=("A reader is served or told; it is not forgotten.",),
    ref=f"{_MODULE}:two_readers",
    answers={
        "the second gets an error at once": allowed("the mistake is found where it is made"),
        "both are served": interesting("which reader gets which bytes is open", "recv(2)"),
        "the first gets an error at once": interesting("the wrong reader gets the error"),
        "the first hangs": forbidden(
            "the second reader has displaced the first one in silence", "gh-91780", harm=Harm.HANG
        ),
        "the second hangs": forbidden("the second reader is forgotten", "gh-91780", harm=Harm.HANG),
        "both hang": forbidden("bytes have arrived and no reader gets them", harm=Harm.HANG),
        NEVER_ENDS: forbidden("bytes have arrived and no reader gets them"),
        "the second gets an error at once, the other hangs": forbidden(
            "the error costs the other its bytes", harm=Harm.HANG
        ),
        "the first gets an error at once, the other hangs": forbidden(
            "the error costs the other its bytes", harm=Harm.HANG
        ),
    },
    requires=NEEDED,
    repetitions=2,
    variants=SOCK,
    catches=("second-reader-displaces", "second-reader-hangs", "reader-never-woken"),
)

_MESSAGE_BYTES = 8 * _MIB


async def ask_two_writers(runtime: Runtime, trial: Trial) -> str:
    """Two tasks send a big message each over one stream, both before the peer reads anything."""
    async with Link(runtime) as (stream, peer):
        writers = [Attempt(runtime, trial, name) for name in ("first writer", "second writer")]
        async with runtime.open_task_group() as group:
            for writer, letter in zip(writers, (b"a", b"b"), strict=True):
                await group.spawn(writer.make, "sends 8 MiB", stream.send_all, letter * _MESSAGE_BYTES)
                await writer.settled()
            refused = next((writer for writer in writers if writer.ended), None)
            letters = await _read_letters(runtime, peer, (1 if refused else 2) * _MESSAGE_BYTES)
            trial.step("peer", f"reads {len(letters)} runs")
            await wait_patiently(runtime, lambda: all(writer.ended for writer in writers))
            stuck = not all(writer.ended for writer in writers)
            peer.reset()
            await group.cancel()
    if stuck:
        return NEVER_ENDS
    if refused is not None:
        return (
            f"the second gets an error at once: {refused.answer}" if refused is writers[1] else "the first is refused"
        )
    return "both arrive whole" if len(letters) == 2 else "the messages are mixed"


async def _read_letters(runtime: Runtime, peer: RawPeer, total: int) -> str:
    """Read up to `total` bytes that are letters; return the letters without repetition: `ab` is two whole runs."""
    runs, count, quiet = "", 0, 0
    while count < total and quiet < 200:
        data = peer.receive_nowait()
        if not data:
            quiet += 1
            await runtime.sleep(0.001)
            continue
        quiet, count = 0, count + len(data)
        runs = _extend(runs, data.decode())
        await runtime.checkpoint()  # so that the writers race for the room, each time
    return runs


def _extend(runs: str, text: str) -> str:
    while text and len(runs) < 1000:
        if runs[-1:] != text[0]:
            runs += text[0]
        text = text.lstrip(text[0])
    return runs


two_writers = make_question(
    ask_two_writers,
    name="stream.two-writers",
    question="What becomes of two messages that two tasks send over one stream at once?",
    contract=("A writer is served or told.", "Bytes that are accepted are all sent."),
    ref=f"{_MODULE}:two_writers",
    answers={
        "the second gets an error at once: raises busy": allowed("the mistake is found where it is made"),
        "the second gets an error at once: raises other": interesting(
            "an error that does not name the other operation"
        ),
        "the first is refused": interesting("the wrong sender gets the error"),
        "both arrive whole": interesting("the stream queues them one behind the other"),
        "the messages are mixed": interesting(
            "each needs a lock around its sends, and the documentation does not say so", "send(2)", harm=Harm.DATA
        ),
        NEVER_ENDS: forbidden("one writer has displaced the other one in silence"),
    },
    requires=NEEDED,
    repetitions=3,
    variants=SOCK,
    catches=("second-writer-hangs",),
)

# --- backpressure ---

_CHUNK = bytes(16 << 10)
_MOST_BYTES = 64 * _MIB
"""More than any system's socket buffers hold by default."""
_STILL_TURNS = 10


async def ask_backpressure(runtime: Runtime, trial: Trial) -> str:
    """Send chunks of 16 KiB to a peer that never reads, until a send waits."""
    accepted = [0]

    async def fill() -> None:
        for _ in range(_MOST_BYTES // len(_CHUNK)):
            await stream.send_all(_CHUNK)
            accepted[0] += len(_CHUNK)

    async with Link(runtime) as (stream, peer):
        filling = Attempt(runtime, trial, "sender")
        async with runtime.open_task_group() as group:
            await group.spawn(filling.make, "sends chunks", fill)
            await _stall(runtime, accepted)
            peer.reset()
            await group.cancel()
    trial.observe("bytes accepted before the sender waits", accepted[0])
    return next(name for most, name in _ACCEPTED if accepted[0] < most)


async def _stall(runtime: Runtime, accepted: list[int]) -> None:
    still, before = 0, -1
    while still < _STILL_TURNS and accepted[0] < _MOST_BYTES:
        still = still + 1 if accepted[0] == before else 0
        before = accepted[0]
        await settle(runtime)


_ACCEPTED = (
    (_MIB, "waits after less than 1 MiB"),
    (16 * _MIB, "waits after 1 to 16 MiB"),
    (_MOST_BYTES, "waits after 16 to 64 MiB"),
    (1 << 62, "never waits"),
)

silent_peer = make_question(
    ask_backpressure,
    name="stream.silent-peer-stops-sender",
    question="How much does a stream accept before a sender has to wait for a silent peer?",
    contract=("A peer that does not read makes the sender wait in the end.",),
    ref=f"{_MODULE}:silent_peer",
    answers={
        "waits after less than 1 MiB": interesting(
            "little is queued, so a change of mind or a slow peer costs little memory (TCP_NOTSENT_LOWAT)",
            "trio docs, SocketStream",
        ),
        "waits after 1 to 16 MiB": allowed("the send buffer that the system allows, and the runtime's own", "tcp(7)"),
        "waits after 16 to 64 MiB": interesting("a peer that does not read costs much memory"),
        "never waits": forbidden("a peer that does not read costs memory without limit"),
    },
    judges={
        "bytes accepted before the sender waits": bounded(
            at_most=_MOST_BYTES - 1, reason="a peer that does not read makes the sender wait in the end"
        ),
    },
    requires=NEEDED,
    repetitions=2,
    variants=SOCK,
    catches=("bytes-dropped", "send-without-limit"),
)

_BIG_BYTES = 32 * _MIB


async def ask_cancelled_send(runtime: Runtime, trial: Trial) -> str:
    """Cancel a send of 32 MiB that waits for a silent peer; then let the peer read to the end."""
    async with Link(runtime) as (stream, peer):
        sending = Attempt(runtime, trial, "sender")
        async with runtime.open_task_group() as group:
            await group.spawn(sending.make, "sends 32 MiB", stream.send_all, bytes(_BIG_BYTES))
            await sending.settled()
            await group.cancel()
        trial.step("sender", "is cancelled")
        if sending.ended:
            return "the send did not wait"
        received = await peer.receive(runtime, _BIG_BYTES)
        trial.step("peer", "reads")
        trial.observe("bytes that arrive after all", received.count)
        return "all of it is sent after all" if received.count == _BIG_BYTES else "the send stops"


cancelled_send = make_question(
    ask_cancelled_send,
    name="stream.cancelled-send-stops",
    question="Does a cancelled send stop sending?",
    contract=("A cancelled send ends.",),
    ref=f"{_MODULE}:cancelled_send",
    answers={
        "the send stops": allowed("a part was sent, the rest never is", "trio 0.2 notes"),
        "all of it is sent after all": interesting(
            "cancelled was only the waiting: the message is in the transport's buffer and goes on going out",
            "asyncio docs, StreamWriter.drain",
        ),
        "the send did not wait": forbidden("a send of 32 MiB to a silent peer did not wait"),
        NEVER_ENDS: forbidden("the send cannot be cancelled"),
    },
    judges={"bytes that arrive after all": info("bytes")},
    requires=NEEDED,
    repetitions=1,
    variants=SOCK,
)

# --- small sends ---


async def ask_empty_send(runtime: Runtime, trial: Trial) -> str:
    """Send nothing, then a message."""
    async with Link(runtime) as (stream, peer):
        empty = await attempt(runtime, trial, "task", "sends nothing", stream.send_all, b"")
        if empty.answer != RETURNS:
            return empty.answer
        await attempt(runtime, trial, "task", "sends a message", stream.send_all, b"message")
        received = await peer.receive(runtime, len(b"message"))
        trial.step("peer", f"receives {received.head!r}")
        return "nothing is sent" if received.head == b"message" else "the stream is broken"


empty_send = make_question(
    ask_empty_send,
    name="stream.empty-send",
    question="What does a send of no bytes do?",
    contract=("A send of no bytes sends nothing and returns.",),
    ref=f"{_MODULE}:empty_send",
    answers={
        "nothing is sent": allowed("as send(2) on a stream"),
        "raises other": interesting("an empty send is an error"),
        "raises closed": forbidden("an empty send is taken for a closed stream"),
        "the stream is broken": forbidden("bytes sent after an empty send do not arrive", harm=Harm.DATA),
        NEVER_ENDS: forbidden("an empty send waits for ever"),
    },
    requires=NEEDED,
    repetitions=1,
    variants=SOCK,
    catches=("empty-send-closes", "empty-send-hangs"),
)

_WARM_ROUNDS = 5
"""A young connection acknowledges at once; only then the peer's kernel waits for something to carry the answer."""
_ROUNDS = 5
_DELAY_SECONDS = 0.02
"""Half of Linux's shortest delay of an acknowledgement (40 ms); a round without it takes a millisecond."""


async def ask_small_sends(runtime: Runtime, trial: Trial) -> str:
    """Send a request in two small parts and read the reply, a few times."""
    async with Link(runtime) as (stream, peer):
        times = [await _time_round(runtime, stream, peer) for _ in range(_WARM_ROUNDS + _ROUNDS)][_WARM_ROUNDS:]
    trial.observe("quickest round trip", min(times) * 1e3)
    slow = sum(seconds > _DELAY_SECONDS for seconds in times)
    trial.step("task", f"{slow} of {_ROUNDS} rounds wait for a delayed acknowledgement")
    # One undelayed round may be luck of the peer's kernel; load delays some rounds, and hardly each of them.
    return "delayed by 40 ms" if slow == _ROUNDS else "sent at once"


async def _time_round(runtime: Runtime, stream: ByteStream, peer: RawPeer) -> float:
    started = perf_counter()
    await stream.send_all(b"head")
    await stream.send_all(b"body")
    await peer.receive(runtime, len(b"headbody"))
    peer.send(b"reply")
    await stream.receive_some(_READ_BYTES)
    return perf_counter() - started


small_sends = make_question(
    ask_small_sends,
    name="stream.small-sends-go-at-once",
    question="Is the second of two small sends held back until the first is acknowledged?",
    contract=("Small sends arrive.",),
    ref=f"{_MODULE}:small_sends",
    answers={
        "sent at once": allowed("the runtime sets TCP_NODELAY"),
        "delayed by 40 ms": interesting(
            "Nagle's algorithm is on and meets the peer's delayed acknowledgement: send each message in one piece",
            "RFC 896, RFC 1122 4.2.3.2, tcp(7)",
        ),
    },
    judges={"quickest round trip": info("ms")},
    requires=NEEDED,
    repetitions=1,
    variants=SOCK,
)

SCENARIOS: tuple[Scenario, ...] = (
    two_readers,
    two_writers,
    silent_peer,
    cancelled_send,
    empty_send,
    small_sends,
)
