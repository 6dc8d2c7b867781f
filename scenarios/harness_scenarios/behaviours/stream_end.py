"""The end of a stream that the peer ends: half-close, end of stream, reset, and no listener."""

from __future__ import annotations

from functools import partial

from harness.api import ByteStream, Harm, Runtime, Scenario, allowed, forbidden, interesting

from .fairness_turns import give_turns
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import END_OF_STREAM, Link, ReservedPort
from .stream_attempt import NEEDED, RETURNS, Attempt, attempt, settle

SOCK = ("asyncio:io=sock", "uvloop:io=sock")
"""The other way to do TCP on asyncio and its loops: `loop.sock_recv` and `loop.sock_sendall`."""

_MODULE = "harness_scenarios.behaviours.stream_end"
_UNNOTICED = "a reset of the peer is not noticed"
_SEVERAL = 5
_READ_BYTES = 4096
_BIG_BYTES = 32 << 20
"""More than any system's socket buffers hold by default, so that sending it waits for the peer."""
_SENDS_AFTER_RESET = 3

# --- half-close ---


async def ask_peer_eof(runtime: Runtime, trial: Trial) -> str:
    """The peer half-closes; this side sees the end, and sends a reply."""
    async with Link(runtime) as (stream, peer):
        peer.send_eof()
        trial.step("peer", "half-closes")
        end = await attempt(runtime, trial, "task", "reads the end", stream.receive_some, _READ_BYTES)
        if end.answer != RETURNS or end.result != b"":
            return f"the end is not seen: {end.answer}"
        reply = await attempt(runtime, trial, "task", "sends a reply", stream.send_all, b"reply")
        if reply.answer != RETURNS:
            return f"the reply {reply.answer}"
        received = await peer.receive(runtime, len(b"reply"))
        trial.step("peer", f"receives {received.head!r}")
        return "the reply arrives" if received.head == b"reply" else "the reply is lost"


peer_eof_keeps_writing = make_question(
    ask_peer_eof,
    name="stream.peer-eof-keeps-writing",
    question="Can this side still send when the peer has half-closed?",
    contract=("After the peer's end of stream this side can still send, and its bytes arrive.",),
    ref=f"{_MODULE}:peer_eof_keeps_writing",
    answers={
        "the reply arrives": allowed("TCP closes each direction on its own", "RFC 9293, 3.6"),
        "the reply is lost": forbidden("a send that returned was dropped although the peer reads", harm=Harm.DATA),
        "the reply raises broken": forbidden("the end of one direction has closed the other one", "RFC 9293, 3.6"),
        "the reply raises closed": forbidden("the end of one direction has closed the other one", "RFC 9293, 3.6"),
        "the end is not seen: returns": forbidden("bytes were read that the peer never sent"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("end-closes-both-ways", "bytes-after-end", "bytes-dropped"),
)


async def ask_send_eof(runtime: Runtime, trial: Trial) -> str:
    """This side half-closes; the peer sees the end, and sends a reply."""
    async with Link(runtime) as (stream, peer):
        await stream.send_all(b"request")
        await stream.send_eof()
        trial.step("task", "sends and half-closes")
        received = await peer.receive_to_end(runtime)
        trial.step("peer", f"receives {received.head!r}, then {received.end}")
        if received.head != b"request" or received.end != END_OF_STREAM:
            return f"the peer sees {received.count} bytes, then {received.end}"
        peer.send(b"reply")
        reply = await attempt(runtime, trial, "task", "reads the reply", stream.receive_some, _READ_BYTES)
        if reply.answer != RETURNS:
            return f"reading the reply {reply.answer}"
        return "the reply arrives" if reply.result == b"reply" else "the reply is lost"


send_eof_keeps_reading = make_question(
    ask_send_eof,
    name="stream.send-eof-keeps-reading",
    question="Can this side still receive when it has half-closed?",
    contract=("`send_eof` ends only the outgoing direction, behind all bytes that were sent.",),
    ref=f"{_MODULE}:send_eof_keeps_reading",
    answers={
        "the reply arrives": allowed("TCP closes each direction on its own", "RFC 9293, 3.6"),
        "the reply is lost": forbidden(
            "the end of one direction has closed the other one", "RFC 9293, 3.6", harm=Harm.DATA
        ),
        "the peer sees 7 bytes, then stays open": forbidden("the half-close was never sent"),
        "the peer sees 7 bytes, then reset": forbidden("a half-close has reset the connection"),
        "reading the reply raises closed": forbidden("the end of one direction has closed the other one"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("end-overtakes-bytes", "half-close-kept", "half-close-closes", "half-close-resets"),
)


async def ask_send_after_eof(runtime: Runtime, trial: Trial) -> str:
    """This side half-closes and sends nevertheless."""
    async with Link(runtime) as (stream, peer):
        await stream.send_eof()
        trial.step("task", "half-closes")
        sent = await attempt(runtime, trial, "task", "sends", stream.send_all, b"late")
        if sent.answer != RETURNS:
            return sent.answer
        received = await peer.receive_to_end(runtime)
        return "the bytes arrive" if received.count else "returns, and the bytes are lost"


send_after_send_eof = make_question(
    ask_send_after_eof,
    name="stream.send-after-send-eof",
    question="What does a send say after this side has half-closed?",
    contract=("A send after `send_eof` raises.",),
    ref=f"{_MODULE}:send_after_send_eof",
    answers={
        "raises closed": allowed("this side has closed that direction"),
        "raises broken": interesting("EPIPE, as the system says it: it looks as if the peer had gone", "send(2)"),
        "raises other": interesting("an error that does not say that the stream is closed"),
        "returns, and the bytes are lost": forbidden("a send that returned was dropped", harm=Harm.DATA),
        "the bytes arrive": forbidden("bytes after the end of stream"),
    },
    requires=NEEDED,
    repetitions=1,
    variants=SOCK,
    catches=("half-close-kept", "send-after-half-close"),
)


ALL_BYTES = "all bytes arrive behind the half-close"
FEWER_BYTES = "fewer bytes arrive behind the half-close"
NO_END = "the other side does not see the half-close"


async def ask_half_close_of_a_reader(runtime: Runtime, trial: Trial) -> str:
    """A task reads while another one half-closes its side; then the peer sends little, or much."""
    listener = await runtime.listen()
    try:
        for size in (1, 1 << 16, (1 << 20) + 1):
            near = await runtime.connect(*listener.address)
            far = await listener.accept()
            answer = await _half_close_and_read(runtime, near, far, size)
            trial.step("task", f"half-closes, and reads {size} bytes: {answer}")
            await near.aclose()
            await far.aclose()
            if answer != ALL_BYTES:
                trial.observe("case", f"{size} bytes")
                return answer
    finally:
        await runtime.run_shielded(listener.aclose)
    return ALL_BYTES


async def _half_close_and_read(runtime: Runtime, near: ByteStream, far: ByteStream, size: int) -> str:
    received = bytearray()
    ends: list[bytes] = []

    async def read() -> None:
        while chunk := await near.receive_some(_READ_BYTES):
            received.extend(chunk)

    async with runtime.open_task_group() as group:
        await group.spawn(read)
        await give_turns(runtime)
        await near.send_eof()
        ends.append(await far.receive_some(1))
        await far.send_all(bytes(size))
        await far.send_eof()
    if ends != [b""]:
        return NO_END
    return ALL_BYTES if len(received) == size else FEWER_BYTES


half_close_of_a_reader = make_question(
    ask_half_close_of_a_reader,
    name="stream.half-close-while-reading",
    question="A side half-closes while a task reads there, and the peer sends 1 byte to 1 MiB: do all of them arrive?",
    contract=("`send_eof` ends only the outgoing direction.",),
    ref=f"{_MODULE}:half_close_of_a_reader",
    answers={
        ALL_BYTES: allowed("TCP closes each direction on its own", "RFC 9293, 3.6"),
        FEWER_BYTES: forbidden("TCP closes each direction on its own", "RFC 9293, 3.6", harm=Harm.DATA),
        NO_END: forbidden("a half-close is seen by the peer"),
        NEVER_ENDS: forbidden("a reader is woken by bytes behind the half-close of its own side"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=NEEDED,
    catches=(
        "half-close-forgets-reader",
        "half-closed-stream-reads-little",
    ),
)


async def ask_eof_twice(runtime: Runtime, trial: Trial) -> str:
    """The peer half-closes; this side reads its end three times."""
    async with Link(runtime) as (stream, peer):
        peer.send(b"last")
        peer.send_eof()
        trial.step("peer", "sends and half-closes")
        data = await stream.receive_some(_READ_BYTES)
        if data != b"last":
            return "the bytes before the end are lost"
        for _ in range(3):
            end = await attempt(runtime, trial, "task", "reads at the end", stream.receive_some, _READ_BYTES)
            if end.answer != RETURNS:
                return end.answer
            if end.result != b"":
                return "bytes after the end"
        return "the end each time"


eof_twice = make_question(
    ask_eof_twice,
    name="stream.eof-twice",
    question="Does a stream at its end say so each time it is read?",
    contract=('`receive_some` returns `b""` at end of stream, and again each time.',),
    ref=f"{_MODULE}:eof_twice",
    answers={
        "the end each time": allowed("as recv(2) does"),
        "raises closed": forbidden("the second read at the end is an error"),
        "raises broken": forbidden("the second read at the end is an error"),
        "bytes after the end": forbidden("bytes were read that the peer never sent", harm=Harm.DATA),
        "the bytes before the end are lost": forbidden("the end has overtaken the bytes", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the second read waits for more after the end"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("bytes-after-end", "end-overtakes-bytes", "second-end-hangs", "second-end-raises"),
)

# --- reset ---


async def ask_bytes_before_reset(runtime: Runtime, trial: Trial) -> str:
    """The peer sends and resets; this side reads when both have long arrived."""
    async with Link(runtime) as (stream, peer):
        peer.send(b"last words")
        trial.step("peer", "sends")
        await settle(runtime)
        peer.reset()
        trial.step("peer", "resets")
        await settle(runtime)
        first = await attempt(runtime, trial, "task", "reads", stream.receive_some, _READ_BYTES)
        if not first.ended:
            return NEVER_ENDS
        if first.answer != RETURNS or first.result != b"last words":
            return "the bytes are lost"
        second = await attempt(runtime, trial, "task", "reads again", stream.receive_some, _READ_BYTES)
        if not second.ended:
            return NEVER_ENDS
        return "the bytes, then the end of stream" if second.answer == RETURNS else "the bytes, then an error"


bytes_before_reset = make_question(
    ask_bytes_before_reset,
    name="stream.bytes-before-reset",
    question="Are bytes that arrived before a reset delivered?",
    contract=("Bytes that have arrived are delivered before the error.", "A reset does not look like an orderly end."),
    ref=f"{_MODULE}:bytes_before_reset",
    answers={
        "the bytes, then an error": allowed("as recv(2) does on Linux: received bytes come first"),
        "the bytes are lost": forbidden(
            "the runtime has read them and drops them, because it raises the error first", "gh-75044", harm=Harm.DATA
        ),
        "the bytes, then the end of stream": forbidden("a stream that was cut off looks complete"),
        NEVER_ENDS: forbidden("a read of a connection that is reset never returns", symptom=_UNNOTICED),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("reset-drops-bytes", "reset-hidden"),
)


async def ask_reset_while_reading(runtime: Runtime, trial: Trial) -> str:
    """A task waits in a read; the peer resets."""
    async with Link(runtime) as (stream, peer):
        reading = Attempt(runtime, trial, "reader")
        async with runtime.open_task_group() as group:
            await group.spawn(reading.make, "reads", stream.receive_some, _READ_BYTES)
            await reading.settled()
            peer.reset()
            trial.step("peer", "resets")
            await reading.patiently()
            await group.cancel()
        if reading.answer == RETURNS:
            return "the end of stream"
        return reading.answer


reset_while_reading = make_question(
    ask_reset_while_reading,
    name="stream.reset-while-reading",
    question="What does a waiting read say when the peer resets?",
    contract=("A read of a connection that is reset raises.",),
    ref=f"{_MODULE}:reset_while_reading",
    answers={
        "raises broken": allowed("the connection was reset by the peer"),
        "raises closed": interesting("no errno: the reader cannot tell a reset from its own close"),
        "raises other": forbidden("the reader is not told that the peer has gone"),
        "the end of stream": forbidden("a stream that was cut off looks complete"),
        NEVER_ENDS: forbidden(
            "the read never returns: a server keeps the task and the descriptor for ever", symptom=_UNNOTICED
        ),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("reset-hidden", "reset-wakes-nobody", "reset-blames-nobody"),
)


async def ask_reset_while_writing(runtime: Runtime, trial: Trial) -> str:
    """A task waits in a send to a silent peer; the peer resets."""
    async with Link(runtime) as (stream, peer):
        sending = Attempt(runtime, trial, "sender")
        async with runtime.open_task_group() as group:
            await group.spawn(sending.make, "sends 32 MiB", stream.send_all, bytes(_BIG_BYTES))
            await sending.settled()
            early = sending.ended
            peer.reset()
            trial.step("peer", "resets")
            await sending.patiently()
            await group.cancel()
        return "returned before the peer had read" if early else sending.answer


reset_while_writing = make_question(
    ask_reset_while_writing,
    name="stream.reset-while-writing",
    question="What does a waiting send say when the peer resets?",
    contract=("A send that waits for a peer that resets raises.",),
    ref=f"{_MODULE}:reset_while_writing",
    answers={
        "raises broken": allowed("the connection was reset by the peer"),
        "raises closed": interesting("no errno: the sender cannot tell a reset from its own close"),
        "raises other": forbidden("the sender is not told that the peer has gone"),
        RETURNS: forbidden("a send of bytes that are lost looks as if it had worked"),
        "returned before the peer had read": forbidden("a send of 32 MiB to a silent peer did not wait"),
        NEVER_ENDS: forbidden("the send never returns", symptom=_UNNOTICED),
    },
    requires=NEEDED,
    repetitions=2,
    variants=SOCK,
    catches=("reset-hidden", "reset-wakes-nobody", "reset-blames-nobody"),
)


async def ask_send_after_reset(runtime: Runtime, trial: Trial) -> str:
    """The peer resets while the stream is idle; then this side sends, a few times."""
    async with Link(runtime) as (stream, peer):
        peer.reset()
        trial.step("peer", "resets")
        await settle(runtime)
        for _ in range(_SENDS_AFTER_RESET):
            sent = await attempt(runtime, trial, "task", "sends", stream.send_all, b"still there?")
            if sent.answer != RETURNS:
                return sent.answer
            await settle(runtime)
        return "each send returns"


send_after_reset = make_question(
    ask_send_after_reset,
    name="stream.send-after-reset",
    question="What does a send say when the peer has reset the connection before?",
    contract=("A send on a connection that is known to be reset raises.",),
    ref=f"{_MODULE}:send_after_reset",
    answers={
        "raises broken": allowed("the connection was reset by the peer"),
        "raises closed": interesting("only readers see the reset itself; the sender hears 'Connection lost'"),
        "raises other": interesting("an error that does not say that the peer has gone", symptom=_UNNOTICED),
        "each send returns": forbidden("sends on a dead connection look as if they worked"),
        NEVER_ENDS: forbidden("the send never returns"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("reset-hidden",),
)

# --- no listener ---


async def ask_refused(runtime: Runtime, trial: Trial) -> str:
    """Connect to a port without a listener."""
    with ReservedPort() as port:
        connecting = await attempt(runtime, trial, "task", "connects", partial(runtime.connect, "127.0.0.1", port))
    if connecting.answer == RETURNS:
        await connecting.result.abort()
        return "connected"
    return connecting.answer


connect_refused = make_question(
    ask_refused,
    name="stream.connect-refused",
    question="Which error does a connect raise when the port has no listener?",
    contract=("Connecting to a closed port raises an error that says refused.",),
    ref=f"{_MODULE}:connect_refused",
    answers={
        "raises refused": allowed("ECONNREFUSED", "connect(2)"),
        "raises broken": forbidden("the caller cannot tell a closed port from a lost connection"),
        "raises timed out": forbidden("the system has answered at once, and the caller was not told"),
        "raises other": forbidden("the caller cannot tell a closed port from any other failure"),
        "connected": forbidden("a stream without a peer"),
        NEVER_ENDS: forbidden("the system has answered at once, and the caller was not told"),
    },
    requires=NEEDED,
    repetitions=_SEVERAL,
    variants=SOCK,
    catches=("refusal-hidden", "refusal-wakes-nobody"),
)

SCENARIOS: tuple[Scenario, ...] = (
    peer_eof_keeps_writing,
    send_eof_keeps_reading,
    send_after_send_eof,
    half_close_of_a_reader,
    eof_twice,
    bytes_before_reset,
    reset_while_reading,
    reset_while_writing,
    send_after_reset,
    connect_refused,
)
