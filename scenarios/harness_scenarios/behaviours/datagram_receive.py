"""Receives that wait: several at once, cancelled at each turn, and used again afterwards."""

from __future__ import annotations

from harness.api import (
    CancelScope,
    DatagramEndpoint,
    ErrorKind,
    Event,
    Harm,
    Runtime,
    Scenario,
    allowed,
    forbidden,
)

from .datagram_stand import (
    ARRIVES,
    CANCELS,
    LAST,
    LOST,
    TRANSFER,
    TURNS_SECONDS,
    TWICE,
    VARIANTS,
    RawSocket,
    compare,
    opened,
    receive_all,
)
from .fairness_turns import FEW_TURNS, give_turns
from .question import NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.datagram_receive"
_TURNS = range(-3, 5)
"""Turns after the arrival of a datagram in which its receive is cancelled; those below 0 come before it."""
_ROUNDS = 2

# --- one receive ---


class _CancelledReceive:
    """A receive that is cancelled around the arrival of a datagram, on an endpoint that is used again."""

    def __init__(self, runtime: Runtime, endpoint: DatagramEndpoint, raw: RawSocket) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self._raw = raw

    async def run(self, turn: int, data: bytes) -> list[bytes]:
        """Return the received part of a datagram, by the cancelled receive or behind it."""
        received: list[bytes] = []
        scopes: list[CancelScope] = []

        async def receive() -> None:
            async with self._runtime.open_cancel_scope() as scope:
                scopes.append(scope)
                received.append((await self._endpoint.receive_from())[0])

        async with self._runtime.open_task_group() as group:
            await group.spawn(receive)
            while not scopes:
                await self._runtime.checkpoint()
            await give_turns(self._runtime, FEW_TURNS)
            if turn < 0:
                await scopes[0].cancel()
                await give_turns(self._runtime, -turn - 1)
                self._raw.send(data, self._endpoint.address)
            else:
                self._raw.send(data, self._endpoint.address)
                await give_turns(self._runtime, turn)
                await scopes[0].cancel()
        self._raw.send(LAST, self._endpoint.address)
        return received + await receive_all(self._endpoint)


async def _cancel_receives(runtime: Runtime, trial: Trial) -> str:
    with RawSocket() as raw:
        async with opened(runtime) as endpoint:
            cancelled = _CancelledReceive(runtime, endpoint, raw)
            for number in range(_ROUNDS):
                for turn in _TURNS:
                    for data in (b"number %d, turn %d" % (number, turn), b""):
                        answer = compare([data], await cancelled.run(turn, data))
                        if answer != ARRIVES:
                            trial.observe("case", f"cancelled {turn} turns after it came, {len(data)} bytes")
                            return answer
    return ARRIVES


cancelled = make_question(
    _cancel_receives,
    name="datagram.cancelled-receive-keeps-datagram",
    question="A receive is cancelled some turns before or after a datagram comes: is that still received, once?",
    contract=("A cancelled receive has taken no datagram.", "The endpoint can be used again."),
    ref=f"{_MODULE}:cancelled",
    answers=TRANSFER,
    judges={"case": NOTED},
    repetitions=2,
    requires=CANCELS,
    variants=VARIANTS,
    seconds=TURNS_SECONDS,
    catches=("cancelled-receive-takes-the-datagram",),
)

# --- a receive that times out ---


async def _time_out(runtime: Runtime, trial: Trial) -> str:
    del trial
    received: list[bytes] = []
    with RawSocket() as raw:
        async with opened(runtime) as endpoint:
            for number in range(5):
                for seconds in (0.0, 0.001):
                    async with runtime.move_on_after(seconds):
                        received.append((await endpoint.receive_from())[0])
                raw.send(b"%d" % number, endpoint.address)
                async with runtime.move_on_after(0.0):
                    received.append((await endpoint.receive_from())[0])
            raw.send(LAST, endpoint.address)
            received += await receive_all(endpoint)
    return compare([b"%d" % number for number in range(5)], received)


timed_out = make_question(
    _time_out,
    name="datagram.timed-out-receive-keeps-datagram",
    question="Receives time out, also at once beside a datagram that is there: is each datagram received, once?",
    contract=("A receive that times out has taken no datagram.",),
    ref=f"{_MODULE}:timed_out",
    answers=TRANSFER,
    repetitions=2,
    requires=CANCELS,
    catches=("timed-out-receive-takes-the-datagram",),
)

# --- several receives ---

EACH_ONE = "each of several receives gets one datagram"
REFUSED = "a second receive is refused while one waits"
NOT_WHOLE = "after that the endpoint receives no more, or other datagrams"
NOT_WOKEN = "a datagram is there, and a receive that waits does not get it"
_SIZES = (1, 2, 3)


class _Receivers:
    """Tasks that wait in `receive_from` of one endpoint, each in a scope of its own."""

    def __init__(self, runtime: Runtime, endpoint: DatagramEndpoint) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self.scopes: list[CancelScope | None] = []
        self.received: list[bytes] = []
        self.refused = 0
        self.ended: set[int] = set()

    async def receive(self, number: int, begun: Event) -> None:
        """Receive one datagram."""
        async with self._runtime.open_cancel_scope() as scope:
            self.scopes[number] = scope
            await begun.set()
            try:
                self.received.append((await self._endpoint.receive_from())[0])
            except Exception as exc:
                if self._runtime.classify(exc) is not ErrorKind.BUSY:
                    raise
                self.refused += 1
        self.ended.add(number)

    async def run(self, raw: RawSocket, size: int, position: int | None) -> list[bytes]:
        """Let `size` tasks wait, cancel one, and send a datagram to each of the others; return the datagrams."""
        self.scopes += [None] * size
        async with self._runtime.open_task_group() as group:
            for number in range(size):
                begun = self._runtime.create_event()
                await group.spawn(self.receive, number, begun)
                await begun.wait()
            await give_turns(self._runtime, FEW_TURNS)
            if position is not None:
                scope = self.scopes[position]
                assert scope is not None
                await scope.cancel()
                while position not in self.ended:  # on threads one that does not wait yet would take a datagram
                    await self._runtime.checkpoint()
            sent = [b"%d of %d" % (number, size) for number in range(size - (position is not None))]
            for data in sent:
                raw.send(data, self._endpoint.address)
        return sent


async def _receive_with_several(runtime: Runtime, trial: Trial) -> str:
    answers = set()
    for size in _SIZES:
        for position in (None, *range(size)):
            answer = await _ask_several(runtime, size, position)
            answers.add(answer)
            if answer not in (EACH_ONE, REFUSED):
                which = "none" if position is None else f"number {position + 1}"
                trial.observe("case", f"{size} receives, {which} cancelled")
                return answer
    return REFUSED if REFUSED in answers else EACH_ONE


async def _ask_several(runtime: Runtime, size: int, position: int | None) -> str:
    with RawSocket() as raw:
        async with opened(runtime) as endpoint:
            receivers = _Receivers(runtime, endpoint)
            sent = await receivers.run(raw, size, position)
            raw.send(LAST, endpoint.address)
            rest = await receive_all(endpoint)
            answer = compare(sorted(sent), sorted(receivers.received + rest))
            if answer != ARRIVES:
                return answer if answer in (LOST, TWICE) else NOT_WHOLE
            if receivers.refused:
                return REFUSED
            return NOT_WOKEN if rest else EACH_ONE


several = make_question(
    _receive_with_several,
    name="datagram.several-receives",
    question="Several tasks receive from one endpoint and one of them, at each position, is cancelled: who gets what?",
    contract=("A datagram is received by one call.", "A cancelled receive has taken none, and holds up no other."),
    ref=f"{_MODULE}:several",
    answers={
        EACH_ONE: allowed("a datagram wakes a receive that waits"),
        REFUSED: allowed("one task may wait at a time; the second one gets an error at once"),
        LOST: forbidden("a cancelled receive has taken no datagram", harm=Harm.DATA),
        TWICE: forbidden("a datagram is received by one call", harm=Harm.DATA),
        NOT_WHOLE: forbidden("a cancelled receive leaves the endpoint as it was", harm=Harm.DATA),
        NOT_WOKEN: forbidden("a datagram wakes a receive that waits", harm=Harm.HANG),
        NEVER_ENDS: forbidden("a datagram wakes a receive that waits"),
    },
    judges={"case": NOTED},
    repetitions=2,
    requires=CANCELS,
    variants=VARIANTS,
    catches=("receive-behind-a-cancelled-one-forgotten", "datagram-reaches-every-receive"),
)

# --- a send in a cancelled scope ---

SENDS = "it is sent"
NOT_SENT = "it raises the cancellation, and is not sent"
BOTH = "it raises the cancellation, and is sent all the same"
NEITHER = "it returns, and is not sent"


async def _send_cancelled(runtime: Runtime, trial: Trial) -> str:
    del trial
    returned = []
    with RawSocket() as raw:
        async with opened(runtime) as endpoint:
            async with runtime.open_cancel_scope() as scope:
                await scope.cancel()
                await endpoint.send_to(b"cancelled", raw.address)
                returned.append(True)
                await runtime.checkpoint()
            await endpoint.send_to(LAST, raw.address)
            arrived = await raw.receive_all(runtime)
    if returned:
        return SENDS if arrived else NEITHER
    return BOTH if arrived else NOT_SENT


cancelled_send = make_question(
    _send_cancelled,
    name="datagram.cancelled-send",
    question="A datagram is sent in a scope that is cancelled: is it sent, and what does the caller see?",
    contract=("A send that is cancelled has sent nothing.",),
    ref=f"{_MODULE}:cancelled_send",
    answers={
        SENDS: allowed("a send does not wait, and sees no cancellation"),
        NOT_SENT: allowed("a send is a checkpoint, which comes first"),
        BOTH: forbidden("a send that is cancelled has sent nothing", harm=Harm.DATA),
        NEITHER: forbidden("a datagram whose send succeeds arrives", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the next datagram is lost"),
    },
    repetitions=2,
    requires=CANCELS,
    catches=("cancelled-datagram-is-sent",),
)

SCENARIOS: tuple[Scenario, ...] = (cancelled, timed_out, several, cancelled_send)
