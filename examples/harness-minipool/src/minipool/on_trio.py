"""The pool for trio."""

from __future__ import annotations

import trio

from .connections import Connections


class Pool:
    """Lends `size` connections; waiting tasks are served in the order of their calls."""

    def __init__(self, size: int) -> None:
        self._connections = Connections(size)
        self._waiting = trio.lowlevel.ParkingLot()
        self._handed: dict[trio.lowlevel.Task, int] = {}

    @property
    def free(self) -> int:
        """The number of connections that are not lent."""
        return len(self._connections.free)

    async def acquire(self) -> int:
        """Take a connection, waiting for a release if need be."""
        if self._connections.free:
            await trio.lowlevel.checkpoint()
            return self._connections.free.popleft()
        await self._waiting.park()  # trio delivers either the cancellation or the wake-up, never both
        return self._handed.pop(trio.lowlevel.current_task())

    def release(self, connection: int) -> None:
        """Hand a connection to the next task that waits, or keep it."""
        if woken := self._waiting.unpark():
            self._handed[woken[0]] = connection
        else:
            self._connections.free.append(connection)
