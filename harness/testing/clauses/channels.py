"""Clauses of channels."""

from __future__ import annotations

from collections.abc import Callable

from harness.api import Capability, ErrorKind, ReceiveChannel, Runtime, SendChannel

from .clause import clause, settle

_CLOSE = (Capability.CHANNEL, Capability.CHANNEL_CLOSE)
_RACES = 200


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


def _register_for_each_capacity() -> None:
    for capacity in (None, 0, 1, 10):
        for tasks in (1, 5):
            _register_transfer(capacity, tasks)


def _register_transfer(capacity: int | None, tasks: int) -> None:
    requires = (*_CLOSE, Capability.RENDEZVOUS) if capacity == 0 else _CLOSE

    @clause(
        f"capacity {capacity}, {tasks}:{tasks}: all items arrive once, in each sender's order",
        of="SendChannel.send",
        requires=requires,
    )
    async def transfer(runtime: Runtime) -> None:
        send, receive = runtime.open_channel(capacity)
        received: list[list[int]] = [[] for _ in range(tasks)]
        async with runtime.open_task_group() as group:
            for mine in received:
                await group.spawn(receive_all, runtime, receive, mine)
            for number in range(tasks):
                await group.spawn(send_range, send.clone(), range(number * 1000, number * 1000 + 200))
            await send.aclose()
        everything = sorted(item for mine in received for item in mine)
        assert everything == [number * 1000 + item for number in range(tasks) for item in range(200)]
        for mine in received:
            for number in range(tasks):
                own = [item for item in mine if item // 1000 == number]
                assert own == sorted(own)


_register_for_each_capacity()


@clause("a full channel makes a sender wait", of="SendChannel.send", requires=(Capability.CHANNEL, Capability.DEADLINE))
async def full_channel_waits(runtime: Runtime) -> None:
    """And the send that gave up has sent nothing."""
    send, receive = runtime.open_channel(2)
    for item in range(2):
        await send.send(item)
    async with runtime.move_on_after(0.01) as scope:
        await send.send(2)
    assert (scope.cancelled_caught, send.buffered()) == (True, 2)
    await send.aclose()
    received: list[int] = []
    await receive_all(runtime, receive, received)
    assert received == [0, 1]


@clause(
    "a rendezvous send returns after a receiver took the item", of="SendChannel.send", requires=(Capability.RENDEZVOUS,)
)
async def rendezvous_waits(runtime: Runtime) -> None:
    """Not before."""
    send, receive = runtime.open_channel(0)
    steps: list[str] = []

    async def sender() -> None:
        await send.send(1)
        steps.append("sent")

    async with runtime.open_task_group() as group:
        await group.spawn(sender)
        await settle(runtime)
        assert steps == []
        assert await receive.receive() == 1
    assert steps == ["sent"]


@clause(
    "a cancelled rendezvous send has sent nothing",
    of="SendChannel.send",
    requires=(Capability.RENDEZVOUS, Capability.DEADLINE),
)
async def cancelled_rendezvous_send(runtime: Runtime) -> None:
    """A receiver that comes later gets the next item."""
    send, receive = runtime.open_channel(0)
    async with runtime.move_on_after(0.005) as scope:
        await send.send("given up")
    assert scope.cancelled_caught
    async with runtime.open_task_group() as group:
        await group.spawn(send.send, "next")
        assert await receive.receive() == "next"


def _register_receive_race(name: str, capacity: int | None, requires: tuple[Capability, ...]) -> None:
    @clause(f"a cancelled receive has taken nothing ({name})", of="ReceiveChannel.receive", requires=requires)
    async def cancelled_receive(runtime: Runtime) -> None:
        for turn in range(_RACES):
            await _race_receive_and_cancel(runtime, capacity, cancel_first=bool(turn % 2))


async def _race_receive_and_cancel(runtime: Runtime, capacity: int | None, *, cancel_first: bool) -> None:
    """An item arrives as the receiver is cancelled: it is received, or still there, and not both."""
    send, receive = runtime.open_channel(capacity)
    taken: list[object] = []

    async def receiver() -> None:
        taken.append(await receive.receive())

    async with runtime.open_task_group() as group:
        await group.spawn(receiver)
        await runtime.checkpoint()
        await runtime.checkpoint()
        if cancel_first:
            await group.cancel()
        async with runtime.move_on_after(0.02 if capacity == 0 else 3600):
            await send.send("item")
        await group.cancel()
    if capacity == 0 and not taken:
        return  # nobody took it, and the send gave up
    await send.aclose()
    left: list[int] = []
    await receive_all(runtime, receive, left)
    assert len(taken) + len(left) <= 1, (taken, left)
    assert cancel_first or len(taken) + len(left) == 1, (taken, left)


_RACE = (*_CLOSE, Capability.GROUP_CANCEL, Capability.DEADLINE)
_register_receive_race("buffered", 1, _RACE)
_register_receive_race("unbounded", None, _RACE)


@clause("closing the last clone wakes every receiver", of="SendChannel.clone", requires=_CLOSE)
async def close_wakes(runtime: Runtime) -> None:
    """A clone keeps the channel open."""
    send, receive = runtime.open_channel(5)
    clone = send.clone()
    received: list[list[int]] = [[], [], []]
    async with runtime.open_task_group() as group:
        for mine in received:
            await group.spawn(receive_all, runtime, receive, mine)
        await settle(runtime)
        await send.aclose()
        await settle(runtime)
        await clone.send(7)
        await settle(runtime)
        await clone.aclose()
    assert sorted(received) == [[], [], [7]]


@clause("what is buffered at the close arrives, then the end", of="SendChannel.aclose", requires=_CLOSE)
async def close_keeps_items(runtime: Runtime) -> None:
    """Each later receive is the end again."""
    send, receive = runtime.open_channel(5)
    for item in range(3):
        await send.send(item)
    assert send.buffered() == 3
    await send.aclose()
    for _ in range(2):
        received: list[int] = []
        await receive_all(runtime, receive, received)
        assert received in ([0, 1, 2], [])
    assert send.buffered() == 0


@clause("sending after closing is an error", of="SendChannel.aclose", requires=_CLOSE)
async def send_after_close(runtime: Runtime) -> None:
    """CLOSED, by `classify`; closing twice is none."""
    send, _receive = runtime.open_channel(5)
    await send.aclose()
    await send.aclose()
    await expect(runtime, ErrorKind.CLOSED, lambda: send.send(1))


async def expect(runtime: Runtime, kind: ErrorKind, call: Callable[[], object]) -> None:
    """Await a call and require that it raises what `classify` calls `kind`."""
    try:
        await call()  # type: ignore[misc]
    except Exception as exc:  # noqa: BLE001 - its class is the runtime's
        assert runtime.classify(exc) is kind, f"{exc!r} is {runtime.classify(exc)}, not {kind}"
        return
    raise AssertionError(f"nothing was raised instead of {kind}")


@clause("the receiving end can be closed", of="ReceiveChannel.aclose", requires=(Capability.CHANNEL,))
async def receiver_closes(runtime: Runtime) -> None:
    """Without an error."""
    _send, receive = runtime.open_channel(1)
    await receive.aclose()


@clause("an unbounded channel takes everything", of="Runtime.open_channel", requires=(Capability.CHANNEL,))
async def unbounded_takes_all(runtime: Runtime) -> None:
    """Without a receiver."""
    send, _receive = runtime.open_channel(None)
    for item in range(5000):
        await send.send(item)
    assert send.buffered() == 5000
