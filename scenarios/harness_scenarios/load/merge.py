"""merge: two byte streams into one consumer, four ways.

Question: what does it cost to wait for two sources, and is a quiet one served while the other is busy?

Contract: nothing is lost or changed, also when one source closes early. The quiet source is served within a bound,
which is counted in items that were served from the other one meanwhile, never in time.

The ways:

- `both`: wait on both, take the ready one (`first_completed`); the source that was not served last comes first.
- `channel`: a task for each source reads into one channel.
- `sticky`: read on from the source that was ready last, while its reads are full and not too often; then as `both`.
- `flags`: a task for each source reads into a place of its own, sets a flag, and all share one wake-up.

A quiet item waits twice: until the merge has it, and until the merge serves it. The second is up to the way and the
primitive below, has a bound for every single item, and is the longest wait. The first is also up to when the
scheduler runs whom, so that on threads one item may wait long; it is in the typical wait, a median.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter_ns

from harness.api import (
    ByteStream,
    Capability,
    Judge,
    Listener,
    Parameter,
    Probe,
    Runtime,
    Scenario,
    TaskGroup,
    allowed,
    bounded,
    forbidden,
    grid,
    info,
    metric,
    outcomes,
)

ITEM_BYTES = 64
READ_BYTES = 2 * ITEM_BYTES - 1
"""Most bytes of one read. A full read is followed by more, also of the quiet source: its whole items would have to be
127 to end where a read does. So reading on after a full read never waits for what may not come."""
_ITEMS_A_SEND = 64
_QUIET_ITEMS = 20
_MOST_STICKY_READS = 8
_ADVANCE_EVERY = 128
MOST_WAIT = 512
"""Items that may be served between. Each way needs less than 30; the rest is for kernels that deliver late."""


class _Source:
    """One of the two streams: its items, the number of bytes served, and the waits of its items."""

    def __init__(self, index: int, number: int) -> None:
        self.index = index
        self.number = number
        self.stream_bytes = b"".join(_make_item(index, item) for item in range(number))
        self.has_reader = False
        """Whether a task stands between the stream and the consumer; if not, the merge has an item when it was sent."""
        self.has_ended = False
        self.served_bytes = 0
        self.is_damaged = False
        self.waits_since_sent: list[int] = []
        self.waits_in_merge: list[int] = []
        self._sent: list[int] = []  # by item: items served from the other source when it was sent
        self._held: list[int] = []  # and when the merge had it
        self._held_bytes = 0

    @property
    def served(self) -> int:
        """How many whole items were served."""
        return self.served_bytes // ITEM_BYTES

    def note_sent(self, served_from_other: int) -> None:
        """Say that the next item has been sent."""
        self._sent.append(served_from_other)

    def note_held(self, size: int, served_from_other: int) -> None:
        """Say that the next `size` bytes are in the merge's hands."""
        self._held_bytes += size
        while len(self._held) < self._held_bytes // ITEM_BYTES:
            self._held.append(served_from_other)

    def take(self, data: bytes, served_from_other: int) -> None:
        """Check the data that is served next, and note how long its items have waited."""
        start, end = self.served_bytes, self.served_bytes + len(data)
        if data != self.stream_bytes[start:end]:
            self.is_damaged = True
        first = self.served
        self.served_bytes = end
        for item in range(first, self.served):
            if item < len(self._sent):
                self.waits_since_sent.append(served_from_other - self._sent[item])
            held = self._held if self.has_reader else self._sent
            if item < len(held):
                self.waits_in_merge.append(served_from_other - held[item])


def _make_item(index: int, item: int) -> bytes:
    return (b"%1d:%06d " % (index, item % 1_000_000)) * (ITEM_BYTES // 9) + b"\n" * (ITEM_BYTES % 9)


class _Merge:
    """The consumer and its two sources."""

    def __init__(self, runtime: Runtime, probe: Probe, numbers: tuple[int, int], listener: Listener) -> None:
        self.runtime = runtime
        self.sources = _Source(0, numbers[0]), _Source(1, numbers[1])
        self.streams: list[ByteStream] = []
        self.capacity: int = probe.parameters["capacity"]
        self.wakeups = 0
        self.counts_at_first_end: tuple[int, int] | None = None
        self._probe = probe
        self._listener = listener
        self._turns = runtime.create_semaphore(1), runtime.create_semaphore(0)
        # The quiet source sends its next item whenever the busy one has got so far.
        self._due = [numbers[0] * step // (_QUIET_ITEMS + 1) for step in range(1, _QUIET_ITEMS + 1)]
        self._are_due = [runtime.create_event() for _ in self._due]
        self._passed = 0

    # --- sources ---
    async def start(self, group: TaskGroup, load: str) -> None:
        """Connect both sources and let them send."""
        host, port = self._listener.address
        outlets = []
        for _ in self.sources:
            # One after the other, so that the two ends of each are known.
            self.streams.append(await self.runtime.connect(host, port))
            outlets.append(await self._listener.accept())
        for source, outlet, send in zip(self.sources, outlets, _LOADS[load], strict=True):
            await group.spawn(self._send_and_close, send, source, outlet)

    async def _send_and_close(self, send: _Send, source: _Source, outlet: ByteStream) -> None:
        try:
            await send(self, source, outlet)
            await outlet.send_eof()
        finally:
            await outlet.aclose()

    async def send_busily(self, source: _Source, outlet: ByteStream) -> None:
        """Send everything as fast as it is taken."""
        size = ITEM_BYTES * _ITEMS_A_SEND
        for start in range(0, len(source.stream_bytes), size):
            await outlet.send_all(source.stream_bytes[start : start + size])

    async def send_quietly(self, source: _Source, outlet: ByteStream) -> None:
        """Send an item now and then, each when the busy source has got so far."""
        for item, is_due in enumerate(self._are_due):
            await is_due.wait()
            await outlet.send_all(source.stream_bytes[item * ITEM_BYTES : (item + 1) * ITEM_BYTES])
            source.note_sent(self.sources[0].served)

    async def send_in_turn(self, source: _Source, outlet: ByteStream) -> None:
        """Send an item each time that one of the other source was served."""
        for start in range(0, len(source.stream_bytes), ITEM_BYTES):
            await self._turns[source.index].acquire()
            await outlet.send_all(source.stream_bytes[start : start + ITEM_BYTES])

    # --- consumer ---
    async def serve(self, source: _Source, data: bytes) -> None:
        """Take the data that was read from a source; empty data says that the source has ended."""
        other = self.sources[1 - source.index]
        if not data:
            source.has_ended = True
            if self.counts_at_first_end is None:
                self.counts_at_first_end = self.sources[0].served, self.sources[1].served
            return
        before = source.served
        source.take(data, other.served)
        for _ in range(source.served - before):
            await self._turns[other.index].release()
        if source.index == 0:
            await self._let_quiet_source_send(source.served)
        if source.served % _ADVANCE_EVERY == 0:
            self._probe.advance(_ADVANCE_EVERY)

    async def _let_quiet_source_send(self, served: int) -> None:
        while self._passed < len(self._due) and served >= self._due[self._passed]:
            await self._are_due[self._passed].set()
            self._passed += 1

    async def read(self, source: _Source) -> bytes:
        """Read from a source."""
        return await self.streams[source.index].receive_some(READ_BYTES)

    async def read_alone(self, source: _Source) -> bool:
        """Read once from one source and serve it; return whether the read was full."""
        data = await self.read(source)
        self.wakeups += 1
        await self.serve(source, data)
        return len(data) == READ_BYTES

    async def race(self, last: _Source) -> tuple[_Source, bool]:
        """Wait on both and serve the ready ones; return which was served last and whether its read was full.

        `last`, which was served last before, comes second.
        """
        order = self.sources[1 - last.index], last
        completed = await self.runtime.first_completed(lambda: self.read(order[0]), lambda: self.read(order[1]))
        self.wakeups += 1
        for position, data in completed:
            await self.serve(order[position], data)
        position, data = completed[-1]
        return order[position], len(data) == READ_BYTES

    def are_both_open(self) -> bool:
        """Return whether neither source has ended."""
        return not any(source.has_ended for source in self.sources)

    async def drain(self) -> None:
        """Serve the rest of one source after the other has ended."""
        for source in self.sources:
            while not source.has_ended:
                await self.read_alone(source)


# --- the ways ---


async def _wait_on_both(merge: _Merge, group: TaskGroup) -> None:
    del group
    last = merge.sources[0]
    while merge.are_both_open():
        last, _ = await merge.race(last)
    await merge.drain()


async def _read_sticky(merge: _Merge, group: TaskGroup) -> None:
    del group
    last = merge.sources[0]
    while merge.are_both_open():
        last, is_full = await merge.race(last)
        reads = 0
        # A full read says that there is more, and reading it costs no wait on both.
        while is_full and reads < _MOST_STICKY_READS:
            is_full = await merge.read_alone(last)
            reads += 1
    await merge.drain()


async def _read_into_channel(merge: _Merge, group: TaskGroup) -> None:
    sender, receiver = merge.runtime.open_channel(merge.capacity)

    async def forward(source: _Source) -> None:
        send, other, data = sender.send, merge.sources[1 - source.index], b"?"
        while data:
            data = await merge.read(source)
            await send((source, data))
            source.note_held(len(data), other.served)

    for source in merge.sources:
        source.has_reader = True
        await group.spawn(forward, source)
    receive = receiver.receive
    while not all(source.has_ended for source in merge.sources):
        source, data = await receive()
        merge.wakeups += 1
        await merge.serve(source, data)


async def _raise_flags(merge: _Merge, group: TaskGroup) -> None:
    wakeup = merge.runtime.create_condition()
    raised: list[bytes | None] = [None, None]
    consumer_waits = False
    is_free = [merge.runtime.create_semaphore(0) for _ in merge.sources]

    async def forward(source: _Source) -> None:
        nonlocal consumer_waits
        other, data = merge.sources[1 - source.index], b"?"
        while data:
            data = await merge.read(source)
            async with wakeup:
                raised[source.index] = data
                source.note_held(len(data), other.served)
                if consumer_waits:
                    # Once: curio's kernel fails if a task that is no longer there is notified.
                    consumer_waits = False
                    await wakeup.notify()
            await is_free[source.index].acquire()

    for source in merge.sources:
        source.has_reader = True
        await group.spawn(forward, source)
    while not all(source.has_ended for source in merge.sources):
        async with wakeup:
            while raised == [None, None]:
                consumer_waits = True
                await wakeup.wait()
            taken, raised[:] = tuple(raised), (None, None)
        merge.wakeups += 1
        for source, data in zip(merge.sources, taken, strict=True):
            if data is not None:
                await merge.serve(source, data)
                await is_free[source.index].release()


_WAYS: dict[str, Callable[[_Merge, TaskGroup], Awaitable[None]]] = {
    "both": _wait_on_both,
    "channel": _read_into_channel,
    "sticky": _read_sticky,
    "flags": _raise_flags,
}

_Send = Callable[[_Merge, _Source, ByteStream], Awaitable[None]]

_LOADS: dict[str, tuple[_Send, _Send]] = {
    "both": (_Merge.send_busily, _Merge.send_busily),
    "one": (_Merge.send_busily, _Merge.send_quietly),
    "alternating": (_Merge.send_in_turn, _Merge.send_in_turn),
    "closed-early": (_Merge.send_busily, _Merge.send_busily),
}
"""How the two sources send."""


def _numbers(load: str, items: int) -> tuple[int, int]:
    # Items in turn go through the whole way one by one, which takes much longer than many at once.
    return {
        "both": (items, items),
        "one": (items, _QUIET_ITEMS),
        "alternating": (items // 4, items // 4),
        "closed-early": (items, items // 10),
    }[load]


# --- role ---


async def main(runtime: Runtime, probe: Probe) -> None:
    """Merge two streams in the way of the cell, under its load, and observe what came out."""
    load = probe.parameters["load"]
    listener = await runtime.listen()
    merge = _Merge(runtime, probe, _numbers(load, probe.parameters["items"]), listener)
    try:
        async with runtime.open_task_group() as group:
            start_ns = perf_counter_ns()
            await merge.start(group, load)
            await _WAYS[probe.parameters["way"]](merge, group)
            took_ns = perf_counter_ns() - start_ns
    finally:
        for stream in merge.streams:
            await stream.aclose()
        await listener.aclose()
    _report(probe, merge, took_ns)


def _report(probe: Probe, merge: _Merge, took_ns: int) -> None:
    served = sum(source.served for source in merge.sources)
    differences = [len(source.stream_bytes) - source.served_bytes for source in merge.sources]
    probe.observe("items served", served)
    probe.observe("bytes lost", sum(max(0, difference) for difference in differences))
    probe.observe("bytes too many", sum(max(0, -difference) for difference in differences))
    probe.observe("streams", "damaged" if any(source.is_damaged for source in merge.sources) else "as sent")
    if served:
        probe.observe("time per item", took_ns / served)
        probe.observe("wake-ups per item", merge.wakeups / served)
    if probe.parameters["load"] == "both" and merge.counts_at_first_end is not None:
        first, second = merge.counts_at_first_end
        probe.observe("share of the first source", 100 * first / max(1, first + second))
    if probe.parameters["load"] == "one":
        quiet = merge.sources[1]
        probe.observe("longest wait of the quiet source", max(quiet.waits_in_merge, default=0))
        probe.observe("typical wait of the quiet source", _median(quiet.waits_since_sent))


def _median(waits: list[int]) -> int:
    # The upper one of an even number; importing `statistics` would take longer than everything else here.
    return sorted(waits)[len(waits) // 2] if waits else 0


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "time per item": metric("ns"),
    "wake-ups per item": metric("wake-ups"),
    "items served": info(),
    "bytes lost": bounded(
        at_most=0, reason="all bytes that a source sends before its end are served, whatever the other source does"
    ),
    "bytes too many": bounded(at_most=0, reason="every byte is served once"),
    "streams": outcomes(
        {
            "as sent": allowed("each source is served in its own order, unchanged"),
            "damaged": forbidden("TCP delivers bytes in order, and merging keeps the order of each source"),
        }
    ),
    "share of the first source": info("%"),
    "longest wait of the quiet source": bounded(
        at_most=MOST_WAIT,
        reason="from when the merge has an item, only a fixed number of others may be served before it",
    ),
    "typical wait of the quiet source": bounded(
        at_most=MOST_WAIT,
        reason="from when an item was sent; if it is served only after the busy source has ended, this is about half "
        "of what that one sends",
    ),
}

_PARAMETERS = (
    Parameter(name="way", default="both", summary="how the consumer waits for two sources", choices=tuple(_WAYS)),
    Parameter(
        name="load",
        default="one",
        summary="how the sources send: one is busy and the other quiet, both are, in turn, or one closes early",
        choices=tuple(_LOADS),
    ),
    Parameter(
        name="items",
        default=4000,
        summary=f"items of {ITEM_BYTES} bytes of a busy source; of each a quarter when alternating",
        at_least=_QUIET_ITEMS + 1,
    ),
    Parameter(
        name="capacity",
        # With more, a sender that asyncio.Queue wakes may find its place taken and has to queue up again, each time.
        default=1,
        summary="capacity of the channel, for way=channel",
        at_least=1,
    ),
)

merge = Scenario(
    name="merge",
    question="What does it cost to wait for two sources, and is a quiet one served while the other is busy?",
    contract=(
        "Nothing is lost, repeated or changed, also when one source closes early.",
        "Once the merge has an item of the quiet source, a bounded number of others is served before it.",
        "An item of the quiet source is typically served soon after it was sent, not when the busy one has ended.",
    ),
    ref="harness_scenarios.load.merge:merge",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="time per item",
    rows={
        "quick": ({"way": "both", "load": "one", "items": 2000}, {"way": "flags", "load": "closed-early"}),
        "default": grid(way=tuple(_WAYS), load=("one",)),
        "thorough": grid(way=tuple(_WAYS), load=tuple(_LOADS)),
    },
    requires=(Capability.SELECT, Capability.CHANNEL),
    cpu_bound=True,
    timeout=60.0,
    hang_after=10.0,
    summary="two byte streams into one consumer: wait on both, a channel, the last one again, flags and one wake-up",
)
