"""Crowds and sizes: many at once, small, at the buffer and far beyond it, in both directions, with late peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from harness.api import (
    ByteStream,
    Capability,
    Condition,
    ErrorKind,
    Harm,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    allowed,
    forbidden,
)

from .fairness_turns import FEW_TURNS, give_turns
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.several_crowds"
_CHANNELS = "https://trio.readthedocs.io/en/stable/reference-core.html#using-channels-to-pass-values-between-tasks"

# --- channels ---

ONCE = "each item arrives once, in the order of its sender"
ITEM_LOST = "an item is lost"
ITEM_TWICE = "an item arrives twice"
DISORDER = "items of one sender arrive in another order"
MISCOUNTED = "the number of buffered items is wrong"
_ITEMS = 7
_CROWDS = ((1, 1), (1, 20), (20, 1), (20, 20))
_CAPACITIES: tuple[int | None, ...] = (0, 1, 2, 7, None)


class _Crowd:
    """Senders and receivers at one channel. Received items are kept apart for each receiver."""

    def __init__(self, runtime: Runtime, capacity: int | None) -> None:
        self._runtime = runtime
        self._send, self._receive = runtime.open_channel(capacity)
        self._received: list[list[tuple[int, int]]] = []

    async def pass_on(self, senders: int, receivers: int) -> str:
        async with self._runtime.open_task_group() as group:
            for _ in range(receivers):
                await group.spawn(self._take, self._receive)
            for number in range(senders):
                await group.spawn(self._give, self._send.clone(), number)
            await self._send.aclose()
        await self._receive.aclose()
        return self._judge(senders)

    async def _give(self, sender: SendChannel, number: int) -> None:
        for item in range(_ITEMS):
            await sender.send((number, item))
        await sender.aclose()

    async def _take(self, receive: ReceiveChannel) -> None:
        received: list[tuple[int, int]] = []
        self._received.append(received)
        while True:
            try:
                received.append(await receive.receive())
            except Exception as exc:
                if self._runtime.classify(exc) is ErrorKind.END_OF_CHANNEL:
                    return
                raise

    def _judge(self, senders: int) -> str:
        counts = Counter(item for received in self._received for item in received)
        if any(count > 1 for count in counts.values()):
            return ITEM_TWICE
        if len(counts) < senders * _ITEMS:
            return ITEM_LOST
        for received in self._received:
            for number in range(senders):
                of_sender = [item for sender, item in received if sender == number]
                if of_sender != sorted(of_sender):
                    return DISORDER
        return ONCE


async def _count_buffered(runtime: Runtime, capacity: int) -> bool:
    send, receive = runtime.open_channel(capacity)
    counts = [send.buffered()]
    for item in range(capacity):
        await send.send(item)
        counts.append(send.buffered())
    for _ in range(capacity):
        await receive.receive()
        counts.append(send.buffered())
    await send.aclose()
    await receive.aclose()
    return counts == [*range(capacity + 1), *reversed(range(capacity))]


async def _pass_on_in_crowds(runtime: Runtime, trial: Trial) -> str:
    for capacity in _CAPACITIES:
        for senders, receivers in _CROWDS:
            answer = await _Crowd(runtime, capacity).pass_on(senders, receivers)
            if answer != ONCE:
                trial.observe("case", f"capacity {capacity}, {senders} senders, {receivers} receivers")
                return answer
        if capacity and not await _count_buffered(runtime, capacity):
            trial.observe("case", f"capacity {capacity}")
            return MISCOUNTED
    return ONCE


channel_crowd = make_question(
    _pass_on_in_crowds,
    name="channel.crowds-of-both-ends",
    question="1 and 20 senders and receivers share a channel of each capacity: does each item arrive once?",
    contract=(
        "Each item reaches one receiver.",
        "Items of one sender keep their order.",
        "Each receiver sees the end.",
    ),
    ref=f"{_MODULE}:channel_crowd",
    answers={
        ONCE: allowed("each item reaches one receiver", _CHANNELS),
        ITEM_LOST: forbidden("each item reaches one receiver", _CHANNELS, harm=Harm.DATA),
        ITEM_TWICE: forbidden("each item reaches one receiver, once", _CHANNELS, harm=Harm.DATA),
        DISORDER: forbidden("items of one sender keep their order", _CHANNELS, harm=Harm.DATA),
        MISCOUNTED: forbidden("items that were sent and not received are buffered", _CHANNELS),
        NEVER_ENDS: forbidden("a sender or a receiver is not woken, or does not see the end"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CHANNEL, Capability.CHANNEL_CLOSE, Capability.RENDEZVOUS),
    catches=("third-close-loses-the-others", "full-channel-miscounted"),
)


# --- notifications ---

AS_MANY = "as many are woken as were asked for"
FEWER = "fewer are woken"
MORE = "more are woken"
_WAITERS = 4


async def _notify_some(runtime: Runtime, trial: Trial) -> str:
    for number in range(_WAITERS + 1):
        woken = await _Room(runtime).notify(number)
        if woken != number:
            trial.observe("case", f"notify({number}) with {_WAITERS} waiters")
            return FEWER if woken < number else MORE
    return AS_MANY


class _Room:
    """Tasks that wait at a condition, and are counted as they are woken."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._condition: Condition = runtime.create_condition()
        self._woken = 0

    async def notify(self, number: int) -> int:
        """Wake so many, and return how many were; then wake the others."""
        async with self._runtime.open_task_group() as group:
            for _ in range(_WAITERS):
                waits = self._runtime.create_event()
                await group.spawn(self._wait, waits.set)
                await waits.wait()
            async with self._condition:
                await self._condition.notify(number)
            await give_turns(self._runtime, FEW_TURNS)
            async with self._runtime.move_on_after(_PATIENCE):
                while self._woken < number:
                    await self._runtime.sleep(_LOOK_AGAIN)
            async with self._condition:
                woken = self._woken
                await self._condition.notify_all()
        return woken

    async def _wait(self, say: Callable[[], Awaitable[None]]) -> None:
        async with self._condition:
            await say()
            await self._condition.wait()
            self._woken += 1


_PATIENCE = 0.5
"""Limit of the wait for a wake-up that does not come."""
_LOOK_AGAIN = 0.001

notify_count = make_question(
    _notify_some,
    name="lock.notify-wakes-as-many",
    question="A condition notifies none, one, some and all of 4 waiters: are as many woken?",
    contract=("`notify(n)` wakes up to `n` waiters.", "`notify_all` wakes all of them."),
    ref=f"{_MODULE}:notify_count",
    answers={
        AS_MANY: allowed("`notify(n)` wakes n waiters if there are as many"),
        FEWER: forbidden("a waiter sleeps on although it was notified", harm=Harm.HANG),
        MORE: forbidden("a waiter is woken that was not notified"),
        NEVER_ENDS: forbidden("`notify_all` wakes all waiters"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.DEADLINE,),
    catches=(
        "notify-zero-wakes-one",
        "notify-all-forgets-the-last",
        "notify-wakes-three-at-most",
    ),
)


# --- streams ---

SAME = "each direction gets its bytes, in order, and then the end"
BYTES_LOST = "bytes are lost, or come in another order"
TOO_MANY = "a read returns more than it was asked for"
EARLY_END = "a read returns nothing before the end"
_SIZES = (1, 2, 4_095, 4_096, 65_535, 65_536, 65_537, 1_500_000)
"""Bytes of one send: small, around the sizes of buffers, and beyond the buffers of the kernel."""
_READS = (1, 1_000, 65_536, 10_000_000)
"""Most bytes of one read; reads of one byte are for small sends only."""
_SMALL = 4_096


class _Direction:
    """Bytes that one side sends and the other one reads."""

    def __init__(self, runtime: Runtime, sent: bytes, most: int, *, is_late: bool) -> None:
        self._runtime = runtime
        self._most = most
        self._is_late = is_late
        self._sent = sent
        self.answer = SAME

    async def send(self, stream: ByteStream) -> None:
        await stream.send_all(self._sent)
        await stream.send_eof()

    async def read(self, stream: ByteStream) -> None:
        if self._is_late:
            await give_turns(self._runtime, FEW_TURNS)
        received = bytearray()
        while len(received) < len(self._sent):
            chunk = await stream.receive_some(self._most)
            if len(chunk) > self._most or not chunk:
                self.answer = TOO_MANY if chunk else EARLY_END
                return
            received += chunk
        if received != self._sent or await stream.receive_some(self._most):
            self.answer = BYTES_LOST


async def _exchange(runtime: Runtime, trial: Trial, size: int, most: int) -> str:
    listener = await runtime.listen()
    near = await runtime.connect(*listener.address)
    far = await listener.accept()
    out = _Direction(runtime, trial.random.randbytes(size), most, is_late=False)
    back = _Direction(runtime, trial.random.randbytes(size), most, is_late=True)
    async with runtime.open_task_group() as group:
        await group.spawn(out.send, near)
        await group.spawn(back.send, far)
        await group.spawn(out.read, far)
        await group.spawn(back.read, near)
    for end in (near, far, listener):
        await end.aclose()
    return out.answer if out.answer != SAME else back.answer


async def _exchange_each_size(runtime: Runtime, trial: Trial) -> str:
    for size in _SIZES:
        for most in _READS:
            if most == 1 and size >= _SMALL:
                continue
            answer = await _exchange(runtime, trial, size, most)
            if answer != SAME:
                trial.observe("case", f"{size} bytes each way, in reads of at most {most}")
                return answer
    return SAME


stream_sizes = make_question(
    _exchange_each_size,
    name="stream.sizes-both-ways",
    question="Both sides send 1 byte to 1.5 MB at once and read in small and in large pieces: does all of it arrive?",
    contract=(
        "Bytes arrive in order.",
        "A read returns between 1 and `max_bytes` bytes; none only at the end.",
        "A side that has sent its end may still read.",
    ),
    ref=f"{_MODULE}:stream_sizes",
    answers={
        SAME: allowed("a stream keeps its bytes, whatever their number"),
        BYTES_LOST: forbidden("bytes arrive in order", harm=Harm.DATA),
        TOO_MANY: forbidden("a read returns at most `max_bytes` bytes"),
        EARLY_END: forbidden("a read returns nothing only at the end", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a side that reads is not sent all"),
    },
    judges={"case": NOTED},
    repetitions=1,
    variants=("asyncio:io=sock", "uvloop:io=sock"),
    seconds=LONG_TRIAL_SECONDS,
    catches=(
        "read-returns-too-much",
        "stream-reads-its-own-bytes",
        "large-send-cut",
        "large-send-loses-its-end",
    ),
)


SCENARIOS: tuple[Scenario, ...] = (channel_crowd, notify_count, stream_sizes)
