"""TLS streams in use: sizes, cancelled calls, and many connections at once."""

from __future__ import annotations

import ssl
from contextlib import suppress

from harness.api import (
    RAISED,
    Harm,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    interesting,
    local_certificates,
    tls_of,
)
from harness.api.certificates import SERVER_NAME

from ..parts.serving import receive_exactly
from .question import NEVER_ENDS, NOTED, Trial, make_question
from .raw_peer import RawListener, RawPeer
from .raw_tls_peer import QUIET_POLLS, RECORD_BYTES, RawTlsPeer, TlsLink
from .stream_attempt import RETURNS, Attempt, attempt, describe_raised
from .stream_close import CHUNK, Filling
from .tls_close import NEEDS, SECONDS, side_of

_MODULE = "harness_scenarios.behaviours.tls_use"

# --- sizes ---

ALL_ARRIVE = "every byte arrives in order, both ways"
CHANGED = "bytes are lost or changed"
_SIZES = (1, 16_383, 16_384, 16_385, 1 << 20)
"""In bytes: the smallest, around the largest record, and far beyond the buffers."""


def _pattern(size: int, seed: int) -> bytes:
    """Return bytes that differ from each of their shifts, and by the seed."""
    whole = b"".join((number * 2_654_435_761 + seed & 0xFFFFFFFF).to_bytes(4) for number in range(size // 4 + 1))
    return whole[:size]


async def ask_sizes(runtime: Runtime, trial: Trial) -> str:
    """Both sides send a message of each size at once, and read that of the other."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        for size in _SIZES:
            going, coming = _pattern(size, 1), _pattern(size, 2)
            parts: list[bytes] = []

            async def read(count: int = size, parts: list[bytes] = parts) -> None:
                parts.append(await receive_exactly(stream, count))

            async with runtime.open_task_group() as group:
                await group.spawn(read)
                await group.spawn(stream.send_all, going)
                peer.send(coming)
                arrived = await peer.receive_bytes(runtime, size)
            if parts != [coming] or arrived != going:
                trial.observe("size", size)
                return CHANGED
    return ALL_ARRIVE


sizes_both_ways = make_question(
    ask_sizes,
    name="tls.sizes-both-ways",
    question="Do messages of one byte, about a record, and 1 MiB cross each other unchanged?",
    contract=("Bytes arrive in order, however many, and in both directions at once.",),
    ref=f"{_MODULE}:sizes_both_ways",
    answers={
        ALL_ARRIVE: allowed("as on TCP"),
        CHANGED: forbidden("the bytes are not those that were sent", harm=Harm.DATA),
        NEVER_ENDS: forbidden("reading and sending wait for each other"),
    },
    judges={"size": NOTED},
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-large-send-truncated",),
)

# --- both directions ---

IN_PIECES = "every byte is read"
REST_WAITS = "the rest of a record waits for the next one"
_PIECE = 1000


async def ask_record_in_pieces(runtime: Runtime, trial: Trial) -> str:
    """The peer sends one record of 16 KiB and nothing more; this side reads 1,000 bytes at a time."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        peer.send(bytes(RECORD_BYTES))
        found = 0
        while found < RECORD_BYTES:
            reading = await attempt(runtime, trial, "reader", "reads a piece", stream.receive_some, _PIECE)
            if not reading.result:
                return REST_WAITS if not reading.ended else f"a read {reading.answer}"
            found += len(reading.result)
    return IN_PIECES


record_in_pieces = make_question(
    ask_record_in_pieces,
    name="tls.record-read-in-pieces",
    question="A record is read in pieces and nothing follows it: does each read return?",
    contract=("A read returns what has come.",),
    ref=f"{_MODULE}:record_in_pieces",
    answers={
        IN_PIECES: allowed("decrypted bytes are returned before the socket is waited for"),
        REST_WAITS: forbidden("decrypted bytes lie in a buffer while the reader waits for the socket", harm=Harm.HANG),
        "a read returns": forbidden("an end of stream in the middle of a record", harm=Harm.DATA),
        "a read raises broken": forbidden("a stream that is whole raises"),
        "a read raises other": forbidden("a stream that is whole raises"),
        NEVER_ENDS: forbidden("a read waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-rest-of-a-record-waits",),
)

SENT = "the send arrives while the read waits"
SEND_WAITS = "the send waits for the read"


async def ask_send_while_reading(runtime: Runtime, trial: Trial) -> str:
    """A task waits in a read; another one sends; the peer reads that and answers."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        reading, sending = Attempt(runtime, trial, "reader"), Attempt(runtime, trial, "sender")
        async with runtime.open_task_group() as group:
            await group.spawn(reading.make, "reads", stream.receive_some, _PIECE)
            await reading.settled()
            await group.spawn(sending.make, "sends", stream.send_all, _NEXT)
            received = await peer.receive_bytes(runtime, len(_NEXT))
            peer.send(_NEXT)
            await reading.patiently()
            await sending.patiently()
            peer.reset()
            await group.cancel()
    if received != _NEXT:
        return SEND_WAITS if not sending.error else f"the send {sending.answer}"
    return SENT if reading.result == _NEXT else f"the read {reading.answer}"


send_while_reading = make_question(
    ask_send_while_reading,
    name="tls.send-while-a-read-waits",
    question="Can a task send over TLS while another one waits in a read of the same stream?",
    contract=("Both directions of a stream are used at once.",),
    ref=f"{_MODULE}:send_while_reading",
    answers={
        SENT: allowed("as on TCP"),
        SEND_WAITS: forbidden("two sides that wait for each other's bytes wait for ever", harm=Harm.HANG),
        "the send raises busy": forbidden("both directions of a stream are used at once"),
        "the send raises other": forbidden("both directions of a stream are used at once"),
        "the read returns": forbidden("the read returns other bytes", harm=Harm.DATA),
        f"the read {NEVER_ENDS}": forbidden("the send has taken the wake-up of the reader", harm=Harm.HANG),
        NEVER_ENDS: forbidden("the stream waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-read-blocks-sends",),
)

# --- a peer that does not read ---

WAITS = "the sender waits"
NEVER_WAITS = "the sender is never made to wait"


async def ask_silent_peer(runtime: Runtime, trial: Trial) -> str:
    """The peer does not read; this side sends 64 KiB again and again, up to 64 MiB."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, _):
        filling = Filling(stream)
        async with runtime.open_task_group() as group:
            await group.spawn(filling.fill)
            await filling.stalled(runtime)
            await group.cancel()
    trial.observe("bytes accepted", filling.accepted)
    return NEVER_WAITS if filling.is_complete else WAITS


silent_peer = make_question(
    ask_silent_peer,
    name="tls.silent-peer-stops-sender",
    question="Does a sender wait over TLS while its peer does not read?",
    contract=("A peer that does not read makes the sender wait.",),
    ref=f"{_MODULE}:silent_peer",
    answers={
        WAITS: allowed("the buffers of both sides are bounded"),
        NEVER_WAITS: forbidden("64 MiB lie in the memory of this side, and more would", harm=Harm.LEAK),
        NEVER_ENDS: forbidden("the sender cannot be cancelled"),
    },
    judges={"bytes accepted": NOTED},
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    screening=False,
    catches=("tls-send-never-waits",),
)

# --- cancelled calls ---

WHOLE = "every byte is read"
LOST = "bytes are lost"
_WORD = b"0123456789"
_SPLITS = 12


async def ask_cancelled_receive(runtime: Runtime, trial: Trial) -> str:
    """A part of a record arrives; the read that waits for the rest is cancelled as that comes, or before."""
    async with TlsLink(runtime, side=side_of(trial)) as (stream, peer):
        found: list[bytes] = []

        async def read() -> None:
            found.append(await stream.receive_some(len(_WORD)))

        for number in range(_SPLITS):
            record = peer.encrypt(_WORD)
            cut = len(record) * (number + 1) // _SPLITS
            peer.send_raw(record[:cut])
            reading = Attempt(runtime, trial, "reader")
            async with runtime.open_task_group() as group:
                await group.spawn(reading.make, "reads", read)
                await reading.settled()
                if number % 2:
                    peer.send_raw(record[cut:])
                await group.cancel()
            if not number % 2:
                peer.send_raw(record[cut:])
            while sum(map(len, found)) < (number + 1) * len(_WORD):
                later = await attempt(runtime, trial, "reader", "reads again", read)
                if later.answer != RETURNS or not found[-1]:
                    return LOST if later.answer in (RETURNS, NEVER_ENDS) else f"the next read {later.answer}"
    return WHOLE if b"".join(found) == _WORD * _SPLITS else LOST


cancelled_receive = make_question(
    ask_cancelled_receive,
    name="tls.cancelled-receive-keeps-bytes",
    question="A read is cancelled while a record arrives: does the next read get every byte?",
    contract=("A cancelled read has taken nothing, and leaves the stream whole.",),
    ref=f"{_MODULE}:cancelled_receive",
    answers={
        WHOLE: allowed("the part of the record is kept"),
        LOST: forbidden("the cancelled read has taken bytes with it", harm=Harm.DATA),
        "the next read raises broken": forbidden("the stream is broken by a cancelled read", harm=Harm.DATA),
        "the next read raises closed": forbidden("the stream is closed by a cancelled read", harm=Harm.DATA),
        "the next read raises other": forbidden("the stream is broken by a cancelled read", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a read waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-cancelled-read-drops", "tls-cancelled-read-breaks"),
)

GOES_ON = "the peer reads a beginning, and then the next bytes"
SENT_LATER = "the peer reads all of it, and then the next bytes"
GARBLED = "the peer cannot decrypt the next bytes"
MIXED = "the peer reads something else"
DEAF = "the next send returns, and the stream cannot be read"
_MOST = 64 << 20
_NEXT = b"next"


async def ask_cancelled_send(runtime: Runtime, trial: Trial) -> str:
    """A send waits for a peer that does not read; it is cancelled, and another is made while the peer reads."""
    async with TlsLink(runtime, side=side_of(trial), receive_buffer=16 << 10) as (stream, peer):
        filling = Filling(stream)
        async with runtime.open_task_group() as group:
            await group.spawn(filling.fill)
            await filling.stalled(runtime)
            await group.cancel()
        following = Attempt(runtime, trial, "sender")
        async with runtime.open_task_group() as group:
            await group.spawn(following.make, "sends again", stream.send_all, _NEXT)
            received = await peer.receive_bytes(runtime, _MOST, QUIET_POLLS)
            await following.patiently()
            peer.send(_NEXT)
            is_read = following.answer == RETURNS
            reading = await attempt(runtime, trial, "reader", "reads", stream.receive_some, _PIECE) if is_read else None
            peer.reset()
            await group.cancel()
        if reading is None:
            return f"the next send {following.answer}"
        if reading.result != _NEXT:
            return DEAF
        if peer.failed:
            return GARBLED
        if received.lstrip(b"\0") != _NEXT or len(received) < filling.accepted:
            return MIXED
        return SENT_LATER if len(received) == filling.accepted + len(CHUNK) + len(_NEXT) else GOES_ON


cancelled_send = make_question(
    ask_cancelled_send,
    name="tls.cancelled-send",
    question="A send is cancelled in the middle: can the stream be used again?",
    contract=("The peer reads the sent bytes, or the next send raises.",),
    ref=f"{_MODULE}:cancelled_send",
    answers={
        GOES_ON: allowed("a part was sent, in whole records"),
        SENT_LATER: allowed("the runtime has a copy of it, and sends it in its own time"),
        "the next send raises broken": allowed("a record may have been sent in part, so that the stream is given up"),
        "the next send raises other": interesting("OpenSSL wants the same bytes again, and the stream is lost"),
        "the next send raises closed": interesting("the stream is closed"),
        GARBLED: forbidden("half a record was sent, and the next begins in its middle", harm=Harm.DATA),
        MIXED: forbidden("the bytes are not those that were sent", harm=Harm.DATA),
        DEAF: forbidden("one direction works on without the other", harm=Harm.DATA),
        f"the next send {NEVER_ENDS}": forbidden("the stream can neither be used nor raises", harm=Harm.HANG),
        NEVER_ENDS: forbidden("a send waits for ever"),
    },
    repetitions=2,
    requires=NEEDS,
    seconds=SECONDS,
    catches=("tls-cancelled-send-mixes", "tls-cancelled-send-ends-reading"),
)

# --- many ---

OWN = "each connection gets its own bytes"
FOREIGN = "a connection gets the bytes of another"
SOME_FAIL = "some connections fail"
_CONNECTIONS = 24


async def ask_many(runtime: Runtime, trial: Trial) -> str:
    """Clients with one context connect at once; each is sent its number, and sends it back."""
    context, replies = local_certificates().client_context(), dict[int, bytes]()

    async def run_client(number: int, address: tuple[str, int]) -> None:
        try:
            stream = await tls_of(runtime).connect_tls(*address, context, server_hostname=SERVER_NAME)
            try:
                await stream.send_all(b"%03d" % number)
                replies[number] = await receive_exactly(stream, 3)
            finally:
                await stream.abort()
        except Exception as exc:
            if runtime.is_cancelled(exc):
                raise
            trial.observe(RAISED, describe_raised(exc))

    with RawListener() as listener:
        async with runtime.open_task_group() as group:
            for number in range(_CONNECTIONS):
                await group.spawn(run_client, number, listener.address)
            server = local_certificates().server_context()
            for _ in range(_CONNECTIONS):
                await group.spawn(_echo, runtime, await listener.accept_later(runtime), server)
    trial.step("clients", f"{len(replies)} have a reply")
    if any(reply and reply != b"%03d" % number for number, reply in replies.items()):
        return FOREIGN
    return OWN if all(replies.get(number) for number in range(_CONNECTIONS)) else SOME_FAIL


async def _echo(runtime: Runtime, raw: RawPeer, context: ssl.SSLContext) -> None:
    peer = RawTlsPeer(raw, context, server_hostname=None)
    with suppress(OSError):  # the client has no reply then
        await peer.handshake(runtime)
        peer.send(await peer.receive_bytes(runtime, 3))
        await peer.receive_to_end(runtime)
    peer.reset()


many_connections = make_question(
    ask_many,
    name="tls.many-connections",
    question="Many connections are made at once with one context: does each get its own bytes?",
    contract=("A context may serve any number of connections at a time.",),
    ref=f"{_MODULE}:many_connections",
    answers={
        OWN: allowed("a context is read by its connections, and not changed"),
        FOREIGN: forbidden("connections are mixed up", harm=Harm.DATA),
        SOME_FAIL: forbidden("connections disturb each other", harm=Harm.DATA),
        NEVER_ENDS: forbidden("some connections wait for ever"),
    },
    repetitions=1,
    requires=NEEDS,
    seconds=SECONDS,
    screening=False,
    catches=("tls-connections-mixed",),
)

SCENARIOS: tuple[Scenario, ...] = (
    sizes_both_ways,
    record_in_pieces,
    send_while_reading,
    silent_peer,
    cancelled_receive,
    cancelled_send,
    many_connections,
)
