"""A pair of connected streams that the tasks of a program share, and the operations on it.

Each direction has a ledger: the bytes of completed sends, in order, and how many of them were received. A program sends
a few kilobytes at most, so that no send has to wait for the peer. An end is used by one task at a time in each
direction, and is closed only while no task uses it: the contract leaves open what else happens.
"""

from __future__ import annotations

from typing import Any

from harness.api import ErrorKind

from .clauses import Clause
from .play import Player
from .program import Operation
from .resources import Shared, waiting

_SIZES = (1, 300)
_MOST_BYTES = 200
"""Of one receive: less than a large send."""
_LOOK_SECONDS = 2.0
"""Limit for sent bytes to arrive: hundreds of turns of the runtime."""
_PERIOD = 251


class Way:
    """One direction, from an end to the other one."""

    def __init__(self, name: str, shift: int) -> None:
        self.name = name
        self._shift = shift
        self.sent = self.started = self.received = 0
        """Bytes: of completed sends, of all sends, and received."""
        self.is_sending = self.is_receiving = self.is_over = False
        """`is_over`: the sending end sends no more, as it was closed, or a send of it was cut short."""
        self.may_end = self.has_end = False
        """Whether the receiving end may get the end of the stream, and whether it must."""
        self.may_break = False
        """Whether the peer may have reset the connection, which leaves open what arrives."""

    def make_bytes(self, size: int) -> bytes:
        """Return the next bytes to send; each tells its position."""
        return bytes((self._shift + position) % _PERIOD for position in range(self.started, self.started + size))

    def find_wrong(self, data: bytes) -> tuple[Clause, str] | None:
        """Take received bytes, or the end; return the clause that they break."""
        if not data:
            is_early = self.received < self.sent and not self.may_break
            if self.may_end and not is_early:
                return None
            return Clause.END_MISSED, f"{self.name} ends before {self.sent - self.received} bytes that were sent"
        due = bytes((self._shift + at) % _PERIOD for at in range(self.received, self.received + len(data)))
        self.received += len(data)
        if self.received > self.started:
            return Clause.ITEM_INVENTED, f"{self.name} delivers {self.received} bytes of {self.started}"
        return None if data == due else (Clause.ITEM_ORDER, f"{self.name} delivers bytes that were not sent there")

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """A sender has room at all times; a receiver waits only while there is neither a byte nor the end."""
        if what == "send":
            return Clause.LOST_WAKE_UP, f"waits to send by {self.name}, which has room"
        if self.received < self.sent:
            return Clause.LOST_WAKE_UP, f"waits to receive, and {self.name} has {self.sent - self.received} bytes"
        return (Clause.END_MISSED, f"waits to receive, and {self.name} has ended") if self.has_end else None

    def is_interruptible(self, what: str) -> bool:
        """Return whether a cancellation ends a wait."""
        del what
        return True


class StreamPair(Shared):
    """Two ends of a connection."""

    async def open(self) -> None:
        """Connect them."""
        runtime = self.play.runtime
        listener = await runtime.listen()
        near = await runtime.connect(*listener.address)
        self.ends: tuple[Any, Any] = (near, await listener.accept())
        await listener.aclose()
        self.ways = tuple(Way(f"{self.name} from end {end}", 100 * end) for end in (0, 1))
        self.is_closed = [False, False]

    async def send(self, player: Player, end: int, size: int) -> str:
        """Send bytes from an end; return what came of it."""
        way, back = self.ways[end], self.ways[1 - end]
        if way.is_sending or way.is_over:
            return "no send"
        if self.is_closed[1 - end]:  # the peer answers with a reset
            way.may_break = back.may_break = True
        data = way.make_bytes(size)
        way.started += size
        way.is_sending = way.is_over = True
        try:
            with waiting(player, way, "send"):
                await self.ends[end].send_all(data)
        except Exception as exc:
            if not way.may_break or self.play.runtime.classify(exc) is not ErrorKind.BROKEN:
                raise
            return "broken"
        finally:
            way.is_sending = False
        way.sent, way.is_over = way.started, False
        return "sent bytes"

    async def receive(self, player: Player, end: int) -> str:
        """Receive bytes at an end; return what came of it."""
        way = self.ways[1 - end]
        if way.is_receiving or self.is_closed[end]:
            return "no receive"
        way.is_receiving = True
        try:
            with waiting(player, way, "receive"):
                return await self._take(way, end)
        finally:
            way.is_receiving = False

    async def _take(self, way: Way, end: int) -> str:
        try:
            data = await self.ends[end].receive_some(_MOST_BYTES)
        except Exception as exc:
            if not way.may_break or self.play.runtime.classify(exc) is not ErrorKind.BROKEN:
                raise
            return "broken"
        if found := way.find_wrong(data):
            self.play.breach(*found)
        return "bytes" if data else "the end"

    async def end(self, end: int) -> str:
        """Half-close an end."""
        way = self.ways[end]
        if way.is_over:
            return "no end"
        way.is_sending = way.is_over = way.may_end = True
        try:
            await self.ends[end].send_eof()
        except Exception:  # the contract names no error for a connection that was reset
            if not way.may_break:
                raise
            return "broken"
        finally:
            way.is_sending = False
        way.has_end = True
        return "ended"

    async def close(self, end: int) -> str:
        """Close an end that no task uses."""
        way, back = self.ways[end], self.ways[1 - end]
        if way.is_sending or back.is_receiving or self.is_closed[end]:
            return "no close"
        self.is_closed[end] = way.is_over = way.may_end = way.has_end = True
        if back.received < back.started:
            way.may_break = back.may_break = True
        await self.ends[end].aclose()
        return "closed"

    async def look(self) -> None:
        """Receive the remaining bytes, and close both ends."""
        for end in (0, 1):
            if self.play.found is None and not self.is_closed[end]:
                await self._drain(end)
        for end, stream in enumerate(self.ends):
            if not self.is_closed[end]:
                await stream.aclose()

    async def _drain(self, end: int) -> None:
        way = self.ways[1 - end]
        async with self.play.runtime.move_on_after(_LOOK_SECONDS):
            while way.received < way.sent and not way.may_break:
                if await self._take(way, end) != "bytes":
                    break
        if way.received < way.sent and not way.may_break:
            lost = way.sent - way.received
            self.play.breach(Clause.ITEM_LOST, f"{lost} bytes that were sent by {way.name} are gone")


async def send_bytes(player: Player, operation: Operation) -> None:
    """Send bytes from an end of a pair."""
    size = _SIZES[operation.amount // 2 % len(_SIZES)]
    player.done.append(await player.play.models[operation.target].send(player, operation.amount % 2, size))


async def receive_bytes(player: Player, operation: Operation) -> None:
    """Receive at an end of a pair."""
    player.done.append(await player.play.models[operation.target].receive(player, operation.amount % 2))


async def end_stream(player: Player, operation: Operation) -> None:
    """Half-close an end of a pair."""
    player.done.append(await player.play.models[operation.target].end(operation.amount % 2))


async def close_stream(player: Player, operation: Operation) -> None:
    """Close an end of a pair."""
    player.done.append(await player.play.models[operation.target].close(operation.amount % 2))
