"""The pool for asyncio."""

from __future__ import annotations

import asyncio
from collections import deque

from .connections import Connections


class Pool:
    """Lends `size` connections; waiting tasks are served in the order of their calls."""

    def __init__(self, size: int) -> None:
        self._connections = Connections(size)
        self._waiting: deque[asyncio.Future[int]] = deque()

    @property
    def free(self) -> int:
        """The number of connections that are not lent."""
        return len(self._connections.free)

    async def acquire(self) -> int:
        """Take a connection, waiting for a release if need be."""
        if self._connections.free:
            return self._connections.free.popleft()
        handed = asyncio.get_running_loop().create_future()
        self._waiting.append(handed)
        # The bug: a task that is cancelled when the future has its result, and before it runs again, never sees it.
        return await handed

    def release(self, connection: int) -> None:
        """Hand a connection to the next task that waits, or keep it."""
        while self._waiting:
            handed = self._waiting.popleft()
            if not handed.done():
                handed.set_result(connection)
                return
        self._connections.free.append(connection)
