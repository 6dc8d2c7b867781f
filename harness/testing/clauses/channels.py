"""Clauses of channels; those about races with a cancellation are in `channel_races`."""

from __future__ import annotations

from harness.api import Capability, ErrorKind, ReceiveChannel, Runtime, SendChannel

from .clause import clause, require, require_equal, require_error, settle

_CHANNEL = (Capability.CHANNEL,)
_CLOSE = (Capability.CHANNEL, Capability.CHANNEL_CLOSE)
_CAPACITIES = (None, 0, 1, 10)


def needs(capacity: int | None, *others: Capability) -> tuple[Capability, ...]:
    """Return the requirements of a clause that opens a channel of this capacity."""
    return (Capability.RENDEZVOUS if capacity == 0 else Capability.CHANNEL, *others)


async def receive_all(runtime: Runtime, receive: ReceiveChannel, into: list[int]) -> None:
    """Receive until the end of the channel."""
    while True:
        try:
            into.append(await receive.receive())
        except Exception as exc:
            if runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
                raise
            return


async def send_range(send: SendChannel, items: range) -> None:
    """Send the items, then close this sender."""
    for item in items:
        await send.send(item)
    await send.aclose()


def _register_transfer(capacity: int | None, tasks: int) -> None:
    @clause(
        f"capacity {capacity}, {tasks}:{tasks}: all items arrive once, in each sender's order",
        of="SendChannel.send",
        requires=needs(capacity, Capability.CHANNEL_CLOSE),
    )
    async def transfer(runtime: Runtime) -> None:
        """Send 200 items from each sender, with a clone each; receive them with as many tasks."""
        send, receive = runtime.open_channel(capacity)
        received: list[list[int]] = [[] for _ in range(tasks)]
        async with runtime.open_task_group() as group:
            for mine in received:
                await group.spawn(receive_all, runtime, receive, mine)
            for number in range(tasks):
                await group.spawn(send_range, send.clone(), range(number * 1000, number * 1000 + 200))
            await send.aclose()
        sent = [number * 1000 + item for number in range(tasks) for item in range(200)]
        everything = [item for mine in received for item in mine]
        require_equal("items lost", expected=set(), actual=set(sent) - set(everything))
        require_equal("items that arrived", expected=len(sent), actual=len(everything))
        for mine in received:
            for number in range(tasks):
                own = [item for item in mine if item // 1000 == number]
                require(own == sorted(own), f"items of sender {number} overtook each other: {own}")


def _register_capacity(capacity: int) -> None:
    @clause(
        f"capacity {capacity} is never exceeded",
        of="Runtime.open_channel",
        requires=needs(capacity, Capability.CHANNEL_CLOSE),
    )
    async def bounded(runtime: Runtime) -> None:
        """Look at `buffered` after each send of five senders, and before each receive."""
        send, receive = runtime.open_channel(capacity)
        seen: list[int] = []
        received: list[int] = []

        async def sender(own: SendChannel) -> None:
            for item in range(50):
                await own.send(item)
                seen.append(own.buffered())
            await own.aclose()

        async with runtime.open_task_group() as group:
            for _ in range(5):
                await group.spawn(sender, send.clone())
            await send.aclose()
            await settle(runtime)
            seen.append(send.buffered())
            await receive_all(runtime, receive, received)
        require_equal("items that arrived", expected=250, actual=len(received))
        require(max(seen) <= capacity, f"{max(seen)} items were buffered")


def _register_close(capacity: int | None) -> None:
    @clause(
        f"capacity {capacity}: closing the last clone wakes every receiver",
        of="SendChannel.clone",
        requires=needs(capacity, Capability.CHANNEL_CLOSE),
    )
    async def close_wakes(runtime: Runtime) -> None:
        """Close the first of two senders, send with the other one, close that too."""
        send, receive = runtime.open_channel(capacity)
        clone = send.clone()
        received: list[list[int]] = [[], [], []]
        async with runtime.open_task_group() as group:
            for mine in received:
                await group.spawn(receive_all, runtime, receive, mine)
            await settle(runtime)
            await send.aclose()
            await settle(runtime)
            await clone.send(7)
            await clone.aclose()
        require_equal("items of the receivers", expected=[[], [], [7]], actual=sorted(received))

    @clause(
        f"capacity {capacity}: sending after closing is an error",
        of="SendChannel.aclose",
        requires=needs(capacity, Capability.CHANNEL_CLOSE),
    )
    async def send_after_close(runtime: Runtime) -> None:
        """Send with a closed sender, with and without another one that is open; closing twice is no error."""
        send, _receive = runtime.open_channel(capacity)
        clone = send.clone()
        for sender in (send, clone):
            await sender.aclose()
            await sender.aclose()
            await require_error(runtime, ErrorKind.CLOSED, lambda sender=sender: sender.send(1))  # type: ignore[misc]


for _capacity in _CAPACITIES:
    _register_transfer(_capacity, 1)
    _register_transfer(_capacity, 5)
    _register_close(_capacity)
for _limit in (0, 1, 10):
    _register_capacity(_limit)


@clause("a full channel makes a sender wait", of="SendChannel.send", requires=(*_CLOSE, Capability.DEADLINE))
async def full_channel_waits(runtime: Runtime) -> None:
    """Fill the channel and give up sending one more, which has then not been sent."""
    send, receive = runtime.open_channel(2)
    for item in range(2):
        await send.send(item)
    async with runtime.move_on_after(0.01) as scope:
        await send.send(2)
    require_equal("(gave up, buffered)", expected=(True, 2), actual=(scope.cancelled_caught, send.buffered()))
    await send.aclose()
    received: list[int] = []
    await receive_all(runtime, receive, received)
    require_equal("items", expected=[0, 1], actual=received)


@clause(
    "a rendezvous send returns after a receiver took the item", of="SendChannel.send", requires=(Capability.RENDEZVOUS,)
)
async def rendezvous_waits(runtime: Runtime) -> None:
    """Look whether it returned before any receive."""
    send, receive = runtime.open_channel(0)
    about, steps = runtime.create_event(), []

    async def sender() -> None:
        await about.set()
        await send.send(1)
        steps.append("sent")

    async with runtime.open_task_group() as group:
        await group.spawn(sender)
        await about.wait()
        await settle(runtime)
        early = list(steps)
        item = await receive.receive()
    require_equal("(before, item, after)", expected=([], 1, ["sent"]), actual=(early, item, steps))


@clause("buffered counts the items inside", of="SendChannel.buffered", requires=_CHANNEL)
async def buffered_counts(runtime: Runtime) -> None:
    """Count after each send and each receive."""
    send, receive = runtime.open_channel(3)
    counts = [send.buffered()]
    for item in range(3):
        await send.send(item)
        counts.append(send.buffered())
    for _ in range(3):
        await receive.receive()
        counts.append(send.buffered())
    require_equal("counts", expected=[0, 1, 2, 3, 2, 1, 0], actual=counts)


@clause("a sender that waits is not counted as buffered", of="SendChannel.buffered", requires=_CHANNEL)
async def buffered_leaves_out_senders(runtime: Runtime) -> None:
    """Count while three senders wait for one place."""
    send, receive = runtime.open_channel(1)
    counts: list[int] = []
    async with runtime.open_task_group() as group:
        for item in range(4):
            await group.spawn(send.send, item)
        await settle(runtime)
        counts.append(send.buffered())
        items = [await receive.receive() for _ in range(4)]
    require_equal("(counts, items)", expected=([1], [0, 1, 2, 3]), actual=(counts, sorted(items)))


@clause("items buffered at the close arrive, then the end", of="SendChannel.aclose", requires=_CLOSE)
async def close_keeps_items(runtime: Runtime) -> None:
    """Close with three items inside; each receive behind them is the end, again and again."""
    for capacity in (None, 5):
        send, receive = runtime.open_channel(capacity)
        for item in range(3):
            await send.send(item)
        await send.aclose()
        received: list[list[int]] = [[], [], []]
        for mine in received:
            await receive_all(runtime, receive, mine)
        require_equal("items of three receivers", expected=[[0, 1, 2], [], []], actual=received)


@clause("the end of a channel is classified", of="ReceiveChannel.receive", requires=_CLOSE)
async def end_is_classified(runtime: Runtime) -> None:
    """Receive from a closed channel."""
    for capacity in (None, 1):
        send, receive = runtime.open_channel(capacity)
        await send.aclose()
        await require_error(runtime, ErrorKind.END_OF_CHANNEL, lambda receive=receive: receive.receive())  # type: ignore[misc]


@clause("the receiving end can be closed", of="ReceiveChannel.aclose", requires=_CHANNEL)
async def receiver_closes(runtime: Runtime) -> None:
    """Close it twice, without an error."""
    _send, receive = runtime.open_channel(1)
    await receive.aclose()
    await receive.aclose()


@clause("an unbounded channel takes everything", of="Runtime.open_channel", requires=_CHANNEL)
async def unbounded_takes_all(runtime: Runtime) -> None:
    """Send 5000 items without a receiver."""
    send, _receive = runtime.open_channel(None)
    for item in range(5000):
        await send.send(item)
    require_equal("buffered items", expected=5000, actual=send.buffered())
