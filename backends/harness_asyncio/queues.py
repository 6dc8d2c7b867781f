"""Channels that are an `asyncio.Queue` and nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any


class QueueSender:
    """`Queue.put`. The last one that closes calls `Queue.shutdown`, which exists from Python 3.13; before, nothing."""

    __slots__ = ("_open", "_queue", "buffered", "send")

    send: Callable[[Any], Awaitable[object]]
    buffered: Callable[[], int]

    def __init__(self, queue: asyncio.Queue[Any], senders: set[QueueSender]) -> None:
        self._queue = queue
        self._open = senders
        self.send = queue.put
        self.buffered = queue.qsize
        senders.add(self)

    def clone(self) -> QueueSender:
        """Return another sender to the same queue."""
        return QueueSender(self._queue, self._open)

    async def aclose(self) -> None:
        """Shut the queue down if this is the last sender and a queue can be."""
        if self in self._open:
            self._open.remove(self)
            if sys.version_info >= (3, 13) and not self._open:
                self._queue.shutdown()


class QueueReceiver:
    """`Queue.get`."""

    __slots__ = ("receive",)

    receive: Callable[[], Awaitable[Any]]

    def __init__(self, queue: asyncio.Queue[Any]) -> None:
        self.receive = queue.get

    async def aclose(self) -> None:
        """Do nothing: a queue has no receiving end."""


def open_queue(capacity: int | None) -> tuple[QueueSender, QueueReceiver]:
    """Return `put` and `get` of an `asyncio.Queue`; a capacity of 0 is unbounded, as its documentation says."""
    queue: asyncio.Queue[Any] = asyncio.Queue(capacity or 0)
    return QueueSender(queue, set()), QueueReceiver(queue)
