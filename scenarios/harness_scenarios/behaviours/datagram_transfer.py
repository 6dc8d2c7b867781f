"""Datagrams that arrive: empty, small and large ones, many at once, from several senders, into a small buffer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import (
    RAISED,
    DatagramEndpoint,
    Harm,
    Parameter,
    Runtime,
    Scenario,
    allowed,
    forbidden,
    grid,
    interesting,
)
from harness.api.datagrams import LARGEST

from .datagram_stand import (
    ARRIVES,
    FAILS,
    LAST,
    LOST,
    NEEDS,
    TRANSFER,
    TURNS_SECONDS,
    RawSocket,
    compare,
    fits,
    list_hosts,
    opened,
    receive_all,
)
from .fairness_turns import FEW_TURNS, give_turns
from .question import NEVER_ENDS, NOTED, Trial, make_question
from .stream_attempt import describe_raised

_MODULE = "harness_scenarios.behaviours.datagram_transfer"
_EMPTY = "https://github.com/python/cpython/issues/113812"
_UDP = "https://man7.org/linux/man-pages/man7/udp.7.html"

Direction = Callable[[Runtime, str, bool, list[bytes]], Awaitable[list[bytes]]]
"""Takes the host, whether to connect, and the datagrams; returns those that arrive."""


async def _send(runtime: Runtime, host: str, connects: bool, sent: list[bytes]) -> list[bytes]:
    with RawSocket(host) as raw:
        async with opened(runtime, host, peer=raw.address if connects else None) as endpoint:
            for data in (*sent, LAST):
                await endpoint.send_to(data, None if connects else raw.address)
            return await raw.receive_all(runtime)


async def _receive(runtime: Runtime, host: str, connects: bool, sent: list[bytes]) -> list[bytes]:
    with RawSocket(host) as raw:
        async with opened(runtime, host, peer=raw.address if connects else None) as endpoint:
            for data in (*sent, LAST):
                raw.send(data, endpoint.address)
            return await receive_all(endpoint)


_WAITED_FOR = 4
"""The first datagrams of a batch, before each of which the receiver has turns to wait; the others come in a row."""


async def _receive_waiting(runtime: Runtime, host: str, connects: bool, sent: list[bytes]) -> list[bytes]:
    """The first receives wait, most likely, before their datagrams are sent."""
    received: list[bytes] = []
    with RawSocket(host) as raw:
        async with opened(runtime, host, peer=raw.address if connects else None) as endpoint:

            async def receive() -> None:
                received.extend(await receive_all(endpoint))

            async with runtime.open_task_group() as group:
                await group.spawn(receive)
                for number, data in enumerate((*sent, LAST)):
                    if number < _WAITED_FOR:
                        await give_turns(runtime, FEW_TURNS)
                    raw.send(data, endpoint.address)
    return received


_DIRECTIONS: dict[str, Direction] = {
    "sent": _send,
    "received": _receive,
    "received by a task that waits": _receive_waiting,
}


async def _ask_each(runtime: Runtime, trial: Trial, batches: list[list[bytes]], *ways: str) -> str:
    """Send each batch each way, to both kinds of address, connected or not; return the first bad answer."""
    for host in list_hosts():
        for connects in (False, True):
            for way in ways:
                for sent in batches:
                    try:
                        answer = compare(sent, await _DIRECTIONS[way](runtime, host, connects, sent))
                    except OSError as exc:
                        trial.observe(RAISED, describe_raised(exc))
                        answer = FAILS
                    if answer != ARRIVES:
                        sizes = ", ".join(str(len(data)) for data in sent[:4])
                        trial.observe("case", f"{way}, {host}, {'' if connects else 'not '}connected, sizes {sizes}")
                        return answer
    return ARRIVES


# --- empty ---

_NO_BYTES = [[b""], [b"a", b"", b"b"], [b"", b"", b"c"]]


async def _send_empty(runtime: Runtime, trial: Trial) -> str:
    return await _ask_each(runtime, trial, _NO_BYTES, "sent")


empty_sent = make_question(
    _send_empty,
    name="datagram.empty-is-sent",
    question="Is an empty datagram sent?",
    contract=("A datagram of 0 bytes is a datagram.",),
    ref=f"{_MODULE}:empty_sent",
    answers=TRANSFER | {LOST: forbidden("an empty datagram is a datagram", _EMPTY, harm=Harm.DATA)},
    judges={"case": NOTED},
    repetitions=1,
    requires=NEEDS,
    catches=("empty-datagram-is-not-sent",),
)


async def _receive_empty(runtime: Runtime, trial: Trial) -> str:
    return await _ask_each(runtime, trial, _NO_BYTES, "received", "received by a task that waits")


empty_received = make_question(
    _receive_empty,
    name="datagram.empty-is-received",
    question="Is an empty datagram received?",
    contract=("A datagram of 0 bytes is a datagram.",),
    ref=f"{_MODULE}:empty_received",
    answers=TRANSFER,
    judges={"case": NOTED},
    repetitions=1,
    seconds=TURNS_SECONDS,
    requires=NEEDS,
    catches=("empty-datagram-is-not-received",),
)


# --- sizes ---

_SIZES = (1, 2, 508, 1472, 1473, 8192, 9000, 16_384, 32_768, 50_000, LARGEST - 1, LARGEST)
"""Around the sizes of packets and buffers, and the largest."""


async def _send_sizes(runtime: Runtime, trial: Trial) -> str:
    batches = [[trial.random.randbytes(size)] for size in _SIZES if fits(size)]
    return await _ask_each(runtime, trial, batches, "sent", "received", "received by a task that waits")


sizes = make_question(
    _send_sizes,
    name="datagram.sizes",
    question="Does a datagram of each size, from one byte to the largest, arrive whole?",
    contract=("Up to 65,507 bytes leave as one datagram and are received as one.",),
    ref=f"{_MODULE}:sizes",
    answers=TRANSFER,
    judges={"case": NOTED},
    repetitions=1,
    requires=NEEDS,
    seconds=TURNS_SECONDS,
    catches=("largest-datagram-is-cut", "large-datagram-is-lost"),
)


# --- many ---

_MANY = 60
"""Small datagrams of one batch: a quarter of the default buffer."""


_AT_THE_EDGE = [b"\0", b"\0a", b"a\0\0", b" a ", b"a\n", bytes(100)]
"""Datagrams that begin or end with bytes which text would lose."""


async def _send_many(runtime: Runtime, trial: Trial) -> str:
    batch = [b"%d/" % number + trial.random.randbytes(trial.random.randrange(1, 90)) for number in range(_MANY)]
    batch += _AT_THE_EDGE
    return await _ask_each(runtime, trial, [batch], "sent", "received", "received by a task that waits")


many = make_question(
    _send_many,
    name="datagram.order-and-boundaries",
    question="Many datagrams in a row: does each arrive alone and in order?",
    contract=("Datagrams from one endpoint to another arrive in order.", "A datagram is received alone."),
    ref=f"{_MODULE}:many",
    answers=TRANSFER,
    judges={"case": NOTED},
    repetitions=2,
    seconds=TURNS_SECONDS,
    requires=NEEDS,
    catches=("datagrams-are-merged", "datagrams-out-of-order", "datagram-arrives-twice"),
)


# --- both ways ---


class _Line:
    """Two endpoints that send to each other at once."""

    def __init__(self, name: int, connects: bool) -> None:
        self._name = name
        self._connects = connects
        self.answers: list[str] = []

    async def run(self, runtime: Runtime) -> None:
        """Send and receive at both ends at once."""
        async with (
            opened(runtime) as near,
            opened(runtime, peer=near.address if self._connects else None) as far,
            runtime.open_task_group() as group,
        ):
            for sender, receiver, way in ((near, far, 0), (far, near, 1)):
                sent = [b"%d %d %d" % (self._name, way, number) for number in range(_MANY)]
                to = None if self._connects and way else receiver.address
                await group.spawn(self._send, sender, sent, to)
                await group.spawn(self._receive, receiver, sent)

    async def _send(self, sender: DatagramEndpoint, sent: list[bytes], to: tuple[str, int] | None) -> None:
        for data in (*sent, LAST):
            await sender.send_to(data, to)

    async def _receive(self, receiver: DatagramEndpoint, sent: list[bytes]) -> None:
        self.answers.append(compare(sent, await receive_all(receiver)))


async def _send_both_ways(runtime: Runtime, trial: Trial) -> str:
    for number in (1, 3):
        for connects in (False, True):
            lines = [_Line(name, connects) for name in range(number)]
            async with runtime.open_task_group() as group:
                for line in lines:
                    await group.spawn(line.run, runtime)
            for answer in (answer for line in lines for answer in line.answers):
                if answer != ARRIVES:
                    trial.observe("case", f"{number} pairs, {'' if connects else 'not '}connected")
                    return answer
    return ARRIVES


both_ways = make_question(
    _send_both_ways,
    name="datagram.both-ways",
    question="Pairs of endpoints send to each other at once: does each receive its own datagrams, and no others?",
    contract=("A datagram arrives at the address that it was sent to.",),
    ref=f"{_MODULE}:both_ways",
    answers=TRANSFER,
    judges={"case": NOTED},
    repetitions=2,
    seconds=TURNS_SECONDS,
    requires=NEEDS,
    catches=("datagram-goes-to-another-address", "send-while-a-receive-waits-is-lost"),
)


# --- senders ---

OWN_SENDER = "each datagram comes with its sender's address, and a reply arrives there"
WRONG_SENDER = "a datagram comes with another sender's address"
_SENDERS = 3


async def _name_senders(runtime: Runtime, trial: Trial) -> str:
    for host in list_hosts():
        raws = [RawSocket(host) for _ in range(_SENDERS)]
        try:
            async with opened(runtime, host) as endpoint:
                for number in (0, 1, 2, 1, 0, 2, 2):
                    text = b"" if number == _SENDERS - 1 else b"from %d" % number
                    raws[number].send(text, endpoint.address)
                    data, sender = await endpoint.receive_from()
                    if (data, tuple(sender)) != (text, raws[number].address):
                        trial.observe("case", f"{host}, sender {number + 1}")
                        return WRONG_SENDER
                    await endpoint.send_to(b"reply", sender)
                    if (await raws[number].receive(runtime)) != (b"reply", endpoint.address):
                        trial.observe("case", f"{host}, reply to sender {number + 1}")
                        return WRONG_SENDER
        finally:
            for raw in raws:
                raw.close()
    return OWN_SENDER


senders = make_question(
    _name_senders,
    name="datagram.sender-is-named",
    question="Several senders: does each datagram come with the address of its own, and does a reply arrive there?",
    contract=("`receive_from` returns the address of the sender.",),
    ref=f"{_MODULE}:senders",
    answers={
        OWN_SENDER: allowed("the address of the sender is received with the datagram"),
        WRONG_SENDER: forbidden("the address of the sender is received with the datagram", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a datagram or a reply is lost"),
    },
    judges={"case": NOTED},
    repetitions=1,
    requires=NEEDS,
    catches=("sender-is-the-first-one",),
)

# --- strangers ---

PEER_ONLY = "only the peer's datagrams are received"
STRANGER = "the datagram of a stranger is received"
PEER_LOST = "a datagram of the peer is not received"


async def _send_as_stranger(runtime: Runtime, trial: Trial) -> str:
    for host in list_hosts():
        with RawSocket(host) as peer, RawSocket(host) as stranger:
            async with opened(runtime, host, peer=peer.address) as endpoint:
                for raw, text in ((stranger, b"a"), (peer, b"b"), (stranger, b""), (peer, b"c"), (stranger, b"d")):
                    raw.send(text, endpoint.address)
                await runtime.checkpoint()
                stranger.send(b"e", endpoint.address)
                peer.send(LAST, endpoint.address)
                received = await receive_all(endpoint)
        if received != [b"b", b"c"]:
            trial.observe("case", f"{host}: {b' '.join(received)!r}")
            return STRANGER if set(received) - {b"b", b"c"} else PEER_LOST
    return PEER_ONLY


strangers = make_question(
    _send_as_stranger,
    name="datagram.stranger-to-connected",
    question="A stranger sends to a connected endpoint, before, between and after the peer: is that received?",
    contract=("A connected endpoint receives from its peer only.",),
    ref=f"{_MODULE}:strangers",
    answers={
        PEER_ONLY: allowed("the system drops what comes from elsewhere", _UDP),
        STRANGER: forbidden("a connected endpoint receives from its peer only", harm=Harm.DATA),
        PEER_LOST: forbidden("on loopback only a full buffer loses a datagram", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the peer's last datagram is received"),
    },
    judges={"case": NOTED},
    repetitions=1,
    requires=NEEDS,
    catches=("connected-endpoint-hears-strangers",),
)

# --- a small buffer ---

CUT = "it is cut, and nothing shows it"
WHOLE = "it is returned whole"
ERROR = "an error is raised, and the next datagram is received"
REST_FOLLOWS = "the rest is received as another datagram"
CUT_NEEDLESSLY = "a datagram that fits is cut"
NEXT_LOST = "the next datagram is lost or changed"
_LENGTH = 100


async def _receive_into_small_buffer(runtime: Runtime, trial: Trial) -> str:
    answers = set()
    data = trial.random.randbytes(_LENGTH)
    for room in (1, _LENGTH - 1, _LENGTH, _LENGTH + 1):
        with RawSocket() as raw:
            async with opened(runtime) as endpoint:
                for sent in (data, b"next", LAST):
                    raw.send(sent, endpoint.address)
                try:
                    first = (await endpoint.receive_from(room))[0]
                except OSError:
                    first = None
                answers.add(_grade_cut(data, room, first, await receive_all(endpoint)))
    return (answers - {WHOLE} or {WHOLE}).pop()


def _grade_cut(data: bytes, room: int, first: bytes | None, rest: list[bytes]) -> str:
    if rest != [b"next"]:
        return REST_FOLLOWS if b"next" in rest else NEXT_LOST
    if first is None:
        return ERROR
    if first == data:
        return WHOLE
    if room >= len(data):
        return CUT_NEEDLESSLY
    return CUT if first == data[:room] else NEXT_LOST


small_buffer = make_question(
    _receive_into_small_buffer,
    name="datagram.longer-than-the-buffer",
    question="A datagram is longer than `receive_from` asks for: what becomes of the rest?",
    contract=("A datagram is received by one call.", "A datagram that fits is received whole."),
    ref=f"{_MODULE}:small_buffer",
    answers={
        CUT: interesting("recvfrom drops what has no room; MSG_TRUNC, which would show it, is not asked for", _UDP),
        WHOLE: allowed("the runtime reads into a buffer of its own, and the number has no effect", better_than=(CUT,)),
        ERROR: allowed("the loss is seen", better_than=(CUT,)),
        REST_FOLLOWS: forbidden("a datagram is received by one call", harm=Harm.DATA),
        CUT_NEEDLESSLY: forbidden("a datagram that fits is received whole", harm=Harm.DATA),
        NEXT_LOST: forbidden("a datagram is received alone and whole", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the last datagram is received"),
    },
    repetitions=1,
    requires=NEEDS,
    catches=("rest-of-a-datagram-follows",),
)

# --- a burst ---

DROPPED = "datagrams beyond the buffer are lost, without an error"
ALL_KEPT = "the runtime keeps them all in memory"
SAID = "the loss is reported"
OLD_LOST = "datagrams from before the buffer was full are lost"
_BURST_BYTES = 1000
"""Of such datagrams the default buffer of Linux holds 92: it counts each with its overhead."""
_MOST_OF_A_BURST = 4000
"""A larger buffer keeps everything that fits."""
_AT_ONCE, _IN_TURN = "at once", "with a turn after each"


async def _send_burst(runtime: Runtime, trial: Trial) -> str:
    with RawSocket() as raw:
        async with opened(runtime) as endpoint:
            burst = min(_MOST_OF_A_BURST, 2 * raw.room // _BURST_BYTES)
            for number in range(burst):
                raw.send(b"%6d" % number + bytes(_BURST_BYTES - 6), endpoint.address)
                if trial.parameters["sent"] == _IN_TURN:
                    await runtime.checkpoint()
            received = await _take_all(runtime, endpoint)
            raw.send(LAST, endpoint.address)
            received += await receive_all(endpoint)
            trial.observe("received", f"{len(received)} of {burst}")
            if [int(data[:6]) for data in received] != list(range(len(received))):
                return OLD_LOST
            if len(received) == burst:
                return ALL_KEPT
            return SAID if endpoint.reported() else DROPPED


async def _take_all(runtime: Runtime, endpoint: DatagramEndpoint) -> list[bytes]:
    """Make room: receive until a receive has found nothing for a while."""
    received: list[bytes] = []
    taken = -1
    while not received or taken < len(received):
        taken = len(received)
        async with runtime.move_on_after(_QUIET_SECONDS):
            received.append((await endpoint.receive_from())[0])
    return received


_QUIET_SECONDS = 0.1
"""A datagram that is there is received in a turn, which takes less. Nothing is lost where it takes longer."""

burst = make_question(
    _send_burst,
    name="datagram.burst-without-receiver",
    question="Many datagrams arrive and no task receives: which are lost, and is the loss reported?",
    contract=("Datagrams that were there before the buffer was full are received, in order.",),
    ref=f"{_MODULE}:burst",
    answers={
        DROPPED: interesting("the system drops what its buffer does not hold; neither end sees it", _UDP),
        ALL_KEPT: interesting("the runtime reads ahead, without a limit: a flood fills the memory", harm=Harm.LEAK),
        SAID: allowed("the loss is seen", better_than=(DROPPED,)),
        OLD_LOST: forbidden("datagrams from before the buffer was full are received, in order", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a datagram that comes after the burst is received", harm=Harm.SERVER),
    },
    parameters=(
        Parameter(name="sent", default=_AT_ONCE, summary="turns between the datagrams", choices=(_AT_ONCE, _IN_TURN)),
    ),
    rows={"quick": grid(sent=(_AT_ONCE, _IN_TURN))},
    judges={"received": NOTED},
    repetitions=1,
    seconds=TURNS_SECONDS,
    requires=NEEDS,
    catches=("overflow-stops-the-endpoint", "newest-datagram-replaces-the-oldest"),
)

SCENARIOS: tuple[Scenario, ...] = (
    empty_sent,
    empty_received,
    sizes,
    many,
    both_ways,
    senders,
    strangers,
    small_buffer,
    burst,
)
