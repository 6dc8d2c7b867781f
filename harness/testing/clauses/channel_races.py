"""Clauses of channels: an item moves as its sender or its receiver is cancelled."""

from __future__ import annotations

from harness.api import CancelScope, Capability, ReceiveChannel, Runtime, SendChannel

from .channels import needs, receive_all
from .clause import clause, require_equal

_RACES = 200
_STAGGER = 4
"""Turns differ by up to this many checkpoints, less one, between the two events of a race."""


async def _pass(runtime: Runtime, checkpoints: int) -> None:
    for _ in range(checkpoints):
        await runtime.checkpoint()


class _Cancellable:
    """A call in a scope of its own, as a task; `ends` has its results."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._about = runtime.create_event()
        self._scopes: list[CancelScope] = []
        self.done = runtime.create_event()
        self.items: list[int] = []
        self.sent: list[int] = []

    async def receive(self, receive: ReceiveChannel) -> None:
        async with self._runtime.open_cancel_scope() as scope:
            self._scopes.append(scope)
            await self._about.set()
            self.items.append(await receive.receive())
        await self.done.set()

    async def send(self, send: SendChannel, item: int) -> None:
        async with self._runtime.open_cancel_scope() as scope:
            self._scopes.append(scope)
            await self._about.set()
            await send.send(item)
            self.sent.append(item)
        await self.done.set()

    async def started(self) -> None:
        """Wait until the call is about to be made, and most likely is."""
        await self._about.wait()
        await _pass(self._runtime, 3)

    async def cancel(self) -> None:
        await self._scopes[0].cancel()


async def _race_receive(runtime: Runtime, capacity: int | None, turn: int) -> None:
    """Send as the receiver is cancelled: the item is received or still there, once."""
    send, receive = runtime.open_channel(capacity)
    receiver, left = _Cancellable(runtime), list[int]()

    async def sender() -> None:
        await send.send(1)
        await send.aclose()

    async with runtime.open_task_group() as group:
        await group.spawn(receiver.receive, receive)
        await receiver.started()
        if turn % 2:
            await receiver.cancel()
            await _pass(runtime, turn // 2 % _STAGGER)
            await group.spawn(sender)
        else:
            await group.spawn(sender)
            await _pass(runtime, turn // 2 % _STAGGER)
            await receiver.cancel()
        await receiver.done.wait()
        await receive_all(runtime, receive, left)
    require_equal(f"items received and left (turn {turn})", expected=[1], actual=receiver.items + left)


async def _race_send(runtime: Runtime, capacity: int, turn: int) -> None:
    """Receive as a waiting sender is cancelled: its item arrives if and only if `send` returned."""
    send, receive = runtime.open_channel(capacity)
    sender, received = _Cancellable(runtime), list[int]()
    fillers = [-1] * capacity
    for filler in fillers:
        await send.send(filler)
    async with runtime.open_task_group() as group:
        await group.spawn(sender.send, send, 1)
        await sender.started()
        if turn % 2:
            await sender.cancel()
            await _pass(runtime, turn // 2 % _STAGGER)
            await group.spawn(receive_all, runtime, receive, received)
        else:
            await group.spawn(receive_all, runtime, receive, received)
            await _pass(runtime, turn // 2 % _STAGGER)
            await sender.cancel()
        await sender.done.wait()
        await send.aclose()
    require_equal(f"items that arrived (turn {turn})", expected=fillers + sender.sent, actual=received)


def _register_receive_race(name: str, capacity: int | None) -> None:
    @clause(
        f"a cancelled receive has taken nothing ({name})",
        of="ReceiveChannel.receive",
        requires=needs(capacity, Capability.CHANNEL_CLOSE, Capability.CANCEL_SCOPE),
    )
    async def cancelled_receive(runtime: Runtime) -> None:
        """Race 200 times, in both orders and at several distances."""
        for turn in range(_RACES):
            await _race_receive(runtime, capacity, turn)


def _register_send_race(name: str, capacity: int) -> None:
    @clause(
        f"a cancelled send has sent nothing ({name})",
        of="SendChannel.send",
        requires=needs(capacity, Capability.CHANNEL_CLOSE, Capability.CANCEL_SCOPE),
    )
    async def cancelled_send(runtime: Runtime) -> None:
        """Race 200 times, in both orders and at several distances."""
        for turn in range(_RACES):
            await _race_send(runtime, capacity, turn)


_register_receive_race("buffered", 1)
_register_receive_race("unbounded", None)
_register_receive_race("rendezvous", 0)
_register_send_race("buffered", 1)
_register_send_race("rendezvous", 0)


@clause(
    "a cancelled rendezvous send leaves nothing behind",
    of="SendChannel.send",
    requires=(Capability.RENDEZVOUS, Capability.DEADLINE),
)
async def cancelled_rendezvous_send(runtime: Runtime) -> None:
    """Give up a send; a receiver that comes later gets the next item."""
    send, receive = runtime.open_channel(0)
    items: list[object] = []
    async with runtime.move_on_after(0.005) as scope:
        await send.send("given up")
    async with runtime.open_task_group() as group:
        await group.spawn(send.send, "next")
        items.append(await receive.receive())
    require_equal("(gave up, items)", expected=(True, ["next"]), actual=(scope.cancelled_caught, items))


@clause(
    "a receive that was cancelled is not in the way of the next one",
    of="ReceiveChannel.receive",
    requires=(Capability.CHANNEL, Capability.CHANNEL_CLOSE, Capability.DEADLINE),
)
async def cancelled_receiver_is_skipped(runtime: Runtime) -> None:
    """Give up a receive, then send to another receiver that waits."""
    send, receive = runtime.open_channel(1)
    items: list[int] = []
    async with runtime.move_on_after(0.005) as scope:
        await receive.receive()
    async with runtime.open_task_group() as group:
        await group.spawn(receive_all, runtime, receive, items)
        await send.send(1)
        await send.aclose()
    require_equal("(gave up, items)", expected=(True, [1]), actual=(scope.cancelled_caught, items))
