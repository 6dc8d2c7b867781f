"""Resources that the tasks of a program share, with a ledger of the effects of completed operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.api import ErrorKind

from .clauses import Clause
from .play import Play, Player
from .program import Resource, walk

Kind = Callable[[Play, int, Resource], Any]
"""Makes the model of a resource."""

Item = tuple[str, int]
"""Name of the task that sends, and the number of the item among those that it sends."""


@contextmanager
def waiting(player: Player, model: Any, what: str) -> Iterator[None]:
    """Record the target of a task's wait inside the block."""
    player.wait = (model, what)
    try:
        yield
    finally:
        player.wait = None


class Shared:
    """A resource of a program."""

    def __init__(self, play: Play, index: int, resource: Resource) -> None:
        self.play = play
        self.index = index
        self.size = resource.size
        self.name = f"{resource.kind} {index}"

    async def open(self) -> None:
        """Create the shared object."""

    async def look(self) -> None:
        """Check the resource after the last task has ended."""

    async def within_a_unit(self, call: Callable[[], Awaitable[Any]]) -> bool:
        """Return whether a call returns within a unit of time."""
        async with self.play.runtime.move_on_after(self.play.unit):
            await call()
            return True
        return False

    def is_interruptible(self, what: str) -> bool:
        """Return whether a cancellation must end a wait for this."""
        del what
        return True


class Permits(Shared):
    """A lock (one permit) or a semaphore."""

    holders = 0

    async def open(self) -> None:
        """Create it."""
        runtime = self.play.runtime
        self.native: Any = (
            runtime.create_lock() if self.name.startswith("lock") else runtime.create_semaphore(self.size)
        )

    async def acquire(self, player: Player) -> None:
        """Acquire a permit."""
        with waiting(player, self, "acquire"):
            await self.native.acquire()
        self.entered()

    def entered(self) -> None:
        """Count a holder."""
        self.holders += 1
        if self.holders > self.size:
            self.play.breach(Clause.EXCLUSION, f"{self.name} has {self.holders} holders for {self.size} permits")

    async def release(self) -> None:
        """Release a permit."""
        self.holders -= 1
        await self.native.release()

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """A permit that is free is taken by a task that waits for one."""
        if self.holders >= self.size:
            return None
        return (
            Clause.LOST_WAKE_UP,
            f"waits in {what} of {self.name} although {self.size - self.holders} permits are free",
        )

    async def look(self) -> None:
        """Acquire every permit."""
        for number in range(self.size):
            if not await self.within_a_unit(self.native.acquire):
                self.play.breach(Clause.PERMIT_LOST, f"{self.name} gives {number} of {self.size} permits at the end")
                return
        for _ in range(self.size):
            await self.native.release()


class Waiters(Permits):
    """A condition, with tokens that tasks put under its lock and wait for."""

    tokens = 0
    notified = 0

    async def open(self) -> None:
        """Create it."""
        self.size = 1
        self.native = self.play.runtime.create_condition()

    async def take(self, player: Player) -> None:
        """Wait under the lock until there is a token, and take it."""
        while self.tokens == 0:
            self.holders -= 1
            before = self.notified
            try:
                with waiting(player, self, "wait"):
                    await self.native.wait()
            except BaseException:
                self.notified += 1  # a waiter that is cancelled may pass a notification on, also one that it had not
                raise
            finally:
                self.entered()
            if self.notified == before:
                self.play.breach(Clause.EARLY_WAKE_UP, f"{player.name}: a wait for {self.name} ends unnotified")
        self.tokens -= 1

    async def put(self, count: int, *, everyone: bool = False) -> None:
        """Add tokens and notify as many waiters, or all."""
        self.tokens += count
        self.notified += 1
        await (self.native.notify_all() if everyone else self.native.notify(count))

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """With a free lock and a token, no task waits."""
        if self.holders or (what == "wait" and not self.tokens):
            return None
        if what == "wait":
            return Clause.LOST_WAKE_UP, f"waits for {self.name} although a token is there ({self.tokens}) and notified"
        return super().find_breach(what)

    def is_interruptible(self, what: str) -> bool:
        """A wait that was cancelled takes the lock first."""
        return what != "wait" or not self.holders


class Flag(Shared):
    """An event."""

    is_set = False

    async def open(self) -> None:
        """Create it."""
        self.native = self.play.runtime.create_event()

    async def set(self) -> None:
        """Set it."""
        self.is_set = True
        await self.native.set()

    async def wait(self, player: Player) -> None:
        """Wait for it."""
        with waiting(player, self, "wait"):
            await self.native.wait()
        if not self.is_set:
            self.play.breach(Clause.EARLY_WAKE_UP, f"{player.name}: a wait for {self.name} returns before it is set")

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """No task waits for an event that is set."""
        if not self.is_set:
            return None
        return Clause.LOST_WAKE_UP, f"waits in {what} for {self.name}, which is set"


class Pipe(Shared):
    """A channel: each task that sends has a sender of its own, a clone of the first one, which is closed."""

    async def open(self) -> None:
        """Open it, and give each sending task its sender."""
        first, self.receiver = self.play.runtime.open_channel(None if self.size < 0 else self.size)
        self.started: set[Item] = set()
        self.sent: set[Item] = set()
        self.received: dict[Item, str] = {}
        self.last: dict[tuple[str, str], int] = {}
        self.sending = self.receiving = 0
        self.senders = 0
        for player in self.play.players:
            names = {each.name for each in walk(player.operations) if each.target == self.index}
            if names & {"send", "send-clone", "close", "close-other"}:
                player.senders[self.index] = first.clone()
                self.senders += 1
        await first.aclose()

    @property
    def inside(self) -> int:
        """Items that were sent and not received."""
        return len(self.sent) - len(self.received)

    async def send(self, player: Player, sender: Any) -> str:
        """Send an item of its own; return what came of it."""
        item = (player.name, sum(each[0] == player.name for each in self.started))
        self.started.add(item)
        self.sending += 1
        try:
            with waiting(player, self, "send"):
                await sender.send(item)
        except Exception as exc:
            if self.index not in player.closed or self.play.runtime.classify(exc) is not ErrorKind.CLOSED:
                raise
            return "closed"
        finally:
            self.sending -= 1
        self.sent.add(item)
        # A receiver that was handed an item has not run yet, perhaps.
        if self.size >= 0 and self.inside > self.size + self.receiving:
            self.play.breach(Clause.CAPACITY, f"{self.name} has {self.inside} items for a capacity of {self.size}")
        return "sent"

    async def receive(self, player: Player) -> str:
        """Receive an item; return what came of it."""
        self.receiving += 1
        try:
            with waiting(player, self, "receive"):
                item = await self.receiver.receive()
        except Exception as exc:
            if self.play.runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
                raise
            self._judge_end(player)
            return "end"
        finally:
            self.receiving -= 1
        self._take(item, player.name)
        return "item"

    def _judge_end(self, player: Player) -> None:
        if self.senders:
            self.play.breach(Clause.END_MISSED, f"{player.name} gets the end of {self.name}, which has open senders")

    def _take(self, item: Any, receiver: str) -> None:
        if item not in self.started:
            self.play.breach(Clause.ITEM_INVENTED, f"{self.name} gives {item!r}, which was never sent")
            return
        if item in self.received:
            self.play.breach(Clause.ITEM_DOUBLED, f"item {item[1]} of {item[0]} is received twice from {self.name}")
        self.received[item] = receiver
        if self.last.get((item[0], receiver), -1) > item[1]:
            self.play.breach(Clause.ITEM_ORDER, f"{receiver} gets item {item[1]} of {item[0]} after a later one")
        self.last[item[0], receiver] = item[1]

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """A receiver waits for items only while there are none, a sender for room only while there is none."""
        if self.sending and self.receiving:
            return Clause.LOST_WAKE_UP, f"waits in {what} of {self.name}, where a sender and a receiver both wait"
        if what == "send":
            has_room = self.size < 0 or self.inside < self.size
            return (Clause.LOST_WAKE_UP, f"waits to send to {self.name}, which has room") if has_room else None
        if self.inside:
            return Clause.LOST_WAKE_UP, f"waits to receive from {self.name}, which has {self.inside} items"
        if not self.senders:
            return Clause.END_MISSED, f"waits to receive from {self.name}, whose last sender is closed"
        return None

    async def look(self) -> None:
        """Receive the remaining items, and count them."""
        received = "the end"

        async def receive() -> None:
            nonlocal received
            received = "nothing"
            try:
                self._take(await self.receiver.receive(), "the end")
            except Exception as exc:
                if self.play.runtime.classify(exc) is not ErrorKind.END_OF_CHANNEL:
                    raise
                return
            received = "an item"

        while await self.within_a_unit(receive) and received == "an item":
            pass
        lost, invented = self.sent - self.received.keys(), self.received.keys() - self.sent
        if lost:
            self.play.breach(Clause.ITEM_LOST, f"{len(lost)} items that were sent to {self.name} are gone: {min(lost)}")
        if invented:
            what = f"{self.name} delivers item {min(invented)[1]} of {min(invented)[0]}, whose send was cancelled"
            self.play.breach(Clause.ITEM_INVENTED, what)


KINDS: dict[str, Kind] = {
    "lock": Permits,
    "semaphore": Permits,
    "condition": Waiters,
    "event": Flag,
    "channel": Pipe,
}
"""By the name of the kind."""
