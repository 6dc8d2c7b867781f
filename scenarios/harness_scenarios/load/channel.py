"""channel: producers send integers through one channel to consumers.

Question: what does an item cost, and does the channel keep its promises at this capacity?

Contract: items of one producer arrive in the order in which they were sent; none is lost, duplicated or made up; the
channel never holds more than its capacity; closing the last sender ends every consumer, and nothing else does.

A pass sends all items once. It is timed from before the first task is started to after the last one has ended, and
checked when the clock has stopped. One pass warms up, three are measured; all are checked. In the end a channel is
filled without a consumer: consumers that keep up would hide a channel that accepts too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from time import perf_counter_ns

from harness.api import (
    Capability,
    ErrorKind,
    Judge,
    Parameter,
    Probe,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    Value,
    bounded,
    exact,
    info,
    metric,
)

_BATCH = 256
"""Items between two reports of progress, and between two looks at the occupancy."""
_MEASURED_PASSES = 3
_FULL_AFTER = 0.05
"""Seconds after which a send that has not returned waits for room. If it were only slow, too little is found."""
_TOO_MANY = 8
_YIELD_TRIALS = 32
_PARITY_LIMIT = 1.0


async def main(runtime: Runtime, probe: Probe) -> None:
    """Pass all items through a fresh channel: once to warm up, then timed."""
    for number in range(1 + _MEASURED_PASSES):
        flow = _Flow(runtime, probe)
        duration_ns = await flow.run()
        flow.report()
        if number:
            probe.observe("ns per item", duration_ns / flow.items)
    if probe.parameters["capacity"] is not None:
        await _fill(runtime, probe, probe.parameters["capacity"])
    await _report_parity(runtime, probe)


class _Flow:
    """One pass through one channel.

    What tasks tell each other is in lists that only grow, a list for each writer where the order matters: `append`
    and `len` are atomic on every runtime, also on threads.
    """

    def __init__(self, runtime: Runtime, probe: Probe) -> None:
        self._runtime = runtime
        self._probe = probe
        self._capacity: int | None = probe.parameters["capacity"]
        self._producers: int = probe.parameters["producers"]
        self._consumers: int = probe.parameters["consumers"]
        self._share = max(1, probe.parameters["items"] // self._producers)
        self.items = self._share * self._producers
        self._sent = [0] * self._producers
        self._closing: list[int] = []
        self._received: list[list[int]] = [[] for _ in range(self._consumers)]
        self._ends: list[bool] = []
        """For each consumer that ended, whether every producer had begun to close."""
        self._occupancies: list[int] = []

    async def run(self) -> int:
        """Send and receive everything and return the time it took, in ns."""
        send, receive = self._runtime.open_channel(self._capacity)
        start_ns = perf_counter_ns()
        async with self._runtime.open_task_group() as group:
            for received in self._received:
                await group.spawn(self._consume, receive, received)
            for number in range(self._producers):
                await group.spawn(self._produce, send.clone(), number)
            await send.aclose()
        duration_ns = perf_counter_ns() - start_ns
        await receive.aclose()
        return duration_ns

    async def _produce(self, sender: SendChannel, number: int) -> None:
        # The inner loop is measured, so it contains only code that a hand-written program would have. `send` is
        # looked up once because 20 ns per item, on each side, would be 5 % of the cost of a fast channel.
        send = sender.send
        first = number * self._share
        end = first + self._share
        try:
            for start in range(first, end, _BATCH):
                stop = min(start + _BATCH, end)
                for item in range(start, stop):
                    await send(item)
                self._sent[number] = stop - first
                self._look_at_occupancy(sender)
                self._probe.advance(stop - start)
        finally:
            self._closing.append(number)
            await sender.aclose()

    async def _consume(self, receiver: ReceiveChannel, received: list[int]) -> None:
        receive, append, advance = receiver.receive, received.append, self._probe.advance
        with _until_end_of_channel(self._runtime):
            while True:
                for _ in range(_BATCH):
                    append(await receive())
                advance(_BATCH)
        advance(len(received) % _BATCH)
        self._ends.append(len(self._closing) == self._producers)

    def _look_at_occupancy(self, sender: SendChannel) -> None:
        # An independent check of the size that the channel reports: each item that was sent and has not reached a
        # consumer is in the channel, except for one item per consumer that may be in transit. Counting the sent
        # items first makes this a lower bound, whichever task runs in between.
        sent = sum(self._sent)
        ahead = sent - sum(map(len, self._received)) - self._consumers
        self._occupancies.append(max(sender.buffered(), ahead))

    def report(self) -> None:
        """Observe the quantities that the contract limits."""
        observe = self._probe.observe
        lost, duplicated, unknown = count_discrepancies(self.items, self._received)
        observe("items lost", lost)
        observe("items duplicated", duplicated)
        observe("items never sent", unknown)
        observe("items out of order", sum(count_disorder(received, self._share) for received in self._received))
        if self._capacity is not None:
            observe("occupancy above capacity", max(0, max(self._occupancies, default=0) - self._capacity))
        observe("largest occupancy seen", max(self._occupancies, default=0))
        observe("consumers ended", len(self._ends))
        observe("consumers not ended", self._consumers - len(self._ends))
        observe("consumers ended too early", self._ends.count(False))
        if self._consumers > 1:
            observe("fairness (Jain)", round(compute_fairness([len(received) for received in self._received]), 3))


async def _fill(runtime: Runtime, probe: Probe, capacity: int) -> None:
    """Send without a receiver until a send waits; then close, and look at what comes out."""
    send, receive = runtime.open_channel(capacity)
    accepted = 0
    async with runtime.move_on_after(_FULL_AFTER):
        for item in range(capacity + _TOO_MANY):
            await send.send(item)
            accepted += 1
    probe.observe("occupancy above capacity", max(0, max(accepted, send.buffered()) - capacity))
    await send.aclose()
    left: list[int] = []
    with _until_end_of_channel(runtime):
        while True:
            left.append(await receive.receive())
    await receive.aclose()
    lost, duplicated, unknown = count_discrepancies(accepted, [left])
    probe.observe("items lost", lost)
    probe.observe("items duplicated", duplicated)
    probe.observe("items never sent", unknown)
    probe.advance()


@contextmanager
def _until_end_of_channel(runtime: Runtime) -> Iterator[None]:
    try:
        yield
    except Exception as exc:
        if runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
            raise


# --- checks ---


def count_discrepancies(items: int, received: Sequence[Sequence[int]]) -> tuple[int, int, int]:
    """Compare the received items with `range(items)`, the items that were sent.

    Returns:
        How many items were lost, how many arrived once too often, and how many were never sent.
    """
    total = sum(map(len, received))
    distinct = set(chain.from_iterable(received))
    known = sum(1 for item in distinct if 0 <= item < items)
    return items - known, total - len(distinct), len(distinct) - known


def count_disorder(received: Iterable[int], share: int) -> int:
    """Count the items that came after a later one of the same producer; `share` is what each producer sent."""
    latest: dict[int, int] = {}
    disorder = 0
    for item in received:
        producer = item // share
        if item < latest.get(producer, -1):
            disorder += 1
        else:
            latest[producer] = item
    return disorder


def compute_fairness(shares: Sequence[int]) -> float:
    """Return Jain's index (Jain, Chiu, Hawe 1984): 1 if all got the same, 1/n if one got everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


# --- parity ---


async def _report_parity(runtime: Runtime, probe: Probe) -> None:
    """Report the parity fields: the capacity, and whether an operation that need not wait yields."""
    capacity = probe.parameters["capacity"]
    probe.observe("capacity", "unbounded" if capacity is None else "rendezvous" if capacity == 0 else capacity)
    if capacity == 0:
        return  # every operation waits
    yielded: dict[str, int] = {}
    # A channel that loses items must not keep the cell from its end: what matters has been observed by now.
    async with runtime.move_on_after(_PARITY_LIMIT):
        yielded = await _count_yields(runtime, capacity)
    for operation, count in yielded.items():
        # Not "always": trio may run the same task first in two rounds. Not "ever": threads are preempted now and then.
        probe.observe(f"a ready {operation} yields", "yes" if count > _YIELD_TRIALS / 4 else "no")


async def _count_yields(runtime: Runtime, capacity: int | None) -> dict[str, int]:
    """Count the operations, of `_YIELD_TRIALS` that need not wait, during which another task got a turn."""
    send, receive = runtime.open_channel(capacity)
    bystander = _Bystander(runtime)
    yielded = {"send": 0, "receive": 0}
    async with runtime.open_task_group() as group:
        await group.spawn(bystander.run)
        await runtime.checkpoint()
        for item in range(_YIELD_TRIALS):
            before = bystander.turns
            await send.send(item)
            between = bystander.turns
            await receive.receive()
            yielded["send"] += between > before
            yielded["receive"] += bystander.turns > between
        bystander.leaves = True
    return yielded


class _Bystander:
    """Counts how often it gets a turn."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.turns = 0
        self.leaves = False

    async def run(self) -> None:
        """Take every turn there is."""
        while not self.leaves:
            self.turns += 1
            await self._runtime.checkpoint()


# --- declaration ---

_JUDGES: dict[str, Judge] = {
    "ns per item": metric("ns"),
    "items lost": bounded(at_most=0, reason="a send that returned has put its item where a receiver gets it"),
    "items duplicated": bounded(at_most=0, reason="each item reaches one receiver, once"),
    "items never sent": bounded(
        at_most=0, reason="a channel delivers each sent item unchanged; a cancelled send delivers nothing"
    ),
    "items out of order": bounded(
        at_most=0,
        reason="a channel is FIFO for each sender: each receiver sees its items in the order of their sending",
    ),
    "occupancy above capacity": bounded(
        at_most=0,
        reason="a full channel makes senders wait; sent items that no receiver has are never more than the capacity",
    ),
    "largest occupancy seen": info("items"),
    "consumers ended": exact(reason="closing the last sender ends every consumer"),
    "consumers not ended": bounded(at_most=0, reason="closing the last sender ends every consumer"),
    "consumers ended too early": bounded(at_most=0, reason="a channel has no end as long as a sender is open"),
    "fairness (Jain)": info(),
    "capacity": info(),
    "a ready send yields": info(),
    "a ready receive yields": info(),
}

_PARAMETERS = (
    Parameter(
        name="capacity",
        default=1000,
        summary="items that the channel holds; none is unbounded, 0 a rendezvous",
        nullable=True,
        at_least=0,
    ),
    Parameter(name="producers", default=1, summary="tasks that send", at_least=1),
    Parameter(name="consumers", default=1, summary="tasks that receive", at_least=1),
    Parameter(
        name="items",
        default=20_000,
        summary="integers in one pass, as many from each producer (rounded down)",
        at_least=1,
    ),
)


def _rows(buffered: int, handed_over: int, *shapes: tuple[int, int]) -> Iterator[dict[str, Value]]:
    """Yield a row for each capacity and shape; where every item costs a switch of tasks, with fewer items."""
    for capacity in (None, 1000, 1, 0):
        items = handed_over if capacity in (0, 1) else buffered
        for producers, consumers in shapes:
            yield {"capacity": capacity, "producers": producers, "consumers": consumers, "items": items}


channel = Scenario(
    name="channel",
    order=40,
    question="What does an item cost that goes through a channel, and does the channel keep its promises?",
    contract=(
        "Items of one producer reach each consumer in the order in which they were sent.",
        "No item is lost, duplicated or made up.",
        "The channel never holds more items than its capacity; a rendezvous holds none.",
        "Closing the last sender ends every consumer, and none ends before.",
    ),
    ref="harness_scenarios.load.channel:channel",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="ns per item",
    parity=("capacity", "a ready send yields", "a ready receive yields"),
    rows={
        "quick": tuple(_rows(5_000, 5_000, (1, 1))),
        "default": tuple(_rows(50_000, 10_000, (1, 1), (5, 5))),
        "thorough": tuple(_rows(200_000, 40_000, (1, 1), (5, 1), (1, 5), (5, 5))),
    },
    requires=(Capability.CHANNEL, Capability.CHANNEL_CLOSE, Capability.RENDEZVOUS, Capability.DEADLINE),
    cpu_bound=True,
    work="items",
    timeout=60.0,
    hang_after=10.0,
    summary="send integers from producers to consumers through one channel",
    catches=("item-lost", "item-sent-twice", "order-broken", "channel-without-limit", "channel-takes-one-more"),
)
