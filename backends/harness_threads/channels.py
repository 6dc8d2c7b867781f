"""Channels: what `queue.Queue` is made of, with waits that `cancel` can interrupt, and an end."""

from __future__ import annotations

import queue
import sys
import threading
from collections import deque
from typing import Any

from harness.api import BrokenResourceError, ClosedResourceError, EndOfChannel

from .scopes import Waiter, here, notify, notify_all, wait_in


class _Buffer:
    """State shared by the ends of a buffered channel; everything in it is guarded by `mutex`."""

    __slots__ = ("abandoned", "capacity", "items", "mutex", "not_empty", "not_full", "senders")

    def __init__(self, capacity: int) -> None:
        self.mutex = threading.Lock()
        self.capacity = capacity
        self.items: deque[Any] = deque()
        self.not_empty: deque[Waiter] = deque()
        self.not_full: deque[Waiter] = deque()
        self.senders = 0
        self.abandoned = False


class BufferSender:
    """Sends into a buffer."""

    __slots__ = ("_buffer", "_closed")

    def __init__(self, buffer: _Buffer) -> None:
        self._buffer = buffer
        self._closed = False
        with buffer.mutex:
            buffer.senders += 1

    async def send(self, item: Any) -> None:
        """Send one item, waiting while the buffer is full."""
        buffer = self._buffer
        with buffer.mutex:
            while True:
                if self._closed:
                    raise ClosedResourceError("this sender was closed")
                if buffer.abandoned:
                    raise BrokenResourceError("the receiving end was closed")
                if len(buffer.items) < buffer.capacity:
                    break
                wait_in(buffer.not_full, buffer.mutex)
            buffer.items.append(item)
            if buffer.not_empty:
                notify(buffer.not_empty)

    def clone(self) -> BufferSender:
        """Return another sender."""
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        return BufferSender(self._buffer)

    async def aclose(self) -> None:
        """Close this sender; wake the waiters in it, and those that wait for the last sender to close."""
        buffer = self._buffer
        with buffer.mutex:
            if self._closed:
                return
            self._closed = True
            buffer.senders -= 1
            notify_all(buffer.not_full)
            if not buffer.senders:
                notify_all(buffer.not_empty)

    def buffered(self) -> int:
        """Return the number of items in the buffer."""
        return len(self._buffer.items)


class BufferReceiver:
    """Receives from a buffer."""

    __slots__ = ("_buffer",)

    def __init__(self, buffer: _Buffer) -> None:
        self._buffer = buffer

    async def receive(self) -> Any:
        """Receive one item, waiting while the buffer is empty."""
        buffer = self._buffer
        with buffer.mutex:
            while not buffer.items:
                if buffer.abandoned:
                    raise ClosedResourceError("the receiving end was closed")
                if not buffer.senders:
                    raise EndOfChannel
                wait_in(buffer.not_empty, buffer.mutex)
            item = buffer.items.popleft()
            if buffer.not_full:
                notify(buffer.not_full)
            return item

    async def aclose(self) -> None:
        """Drop the buffered items; senders fail, and so does a receiver."""
        buffer = self._buffer
        with buffer.mutex:
            buffer.abandoned = True
            buffer.items.clear()
            notify_all(buffer.not_full)
            notify_all(buffer.not_empty)


class _Offer(Waiter):
    """A sender that waits for its item to be taken."""

    __slots__ = ("item", "sender", "taken")

    def __init__(self, queue: deque[Any], item: Any, sender: RendezvousSender) -> None:
        super().__init__(queue)
        self.item = item
        self.sender = sender
        self.taken = False


class _Meeting:
    """State shared by the ends of a rendezvous channel, guarded by `mutex` (a canceller may still take offers away)."""

    __slots__ = ("abandoned", "mutex", "offers", "receivers", "senders")

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.offers: deque[_Offer] = deque()
        self.receivers: deque[Waiter] = deque()
        self.senders = 0
        self.abandoned = False


class RendezvousSender:
    """Hands items over, one by one."""

    __slots__ = ("_closed", "_meeting")

    def __init__(self, meeting: _Meeting) -> None:
        self._meeting = meeting
        self._closed = False
        with meeting.mutex:
            meeting.senders += 1

    async def send(self, item: Any) -> None:
        """Offer one item and wait until it is taken; a cancellation takes the offer back."""
        meeting = self._meeting
        with meeting.mutex:
            self._require_open()
            offer = _Offer(meeting.offers, item, self)
            meeting.offers.append(offer)
            notify(meeting.receivers)
        here.task.park(offer)
        if not offer.taken:
            self._require_open()

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        if self._meeting.abandoned:
            raise BrokenResourceError("the receiving end was closed")

    def clone(self) -> RendezvousSender:
        """Return another sender."""
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        return RendezvousSender(self._meeting)

    async def aclose(self) -> None:
        """Close this sender; offers that still wait in it fail."""
        meeting = self._meeting
        with meeting.mutex:
            if self._closed:
                return
            self._closed = True
            meeting.senders -= 1
            for offer in tuple(meeting.offers):
                if offer.sender is self and offer.withdraw():
                    offer.lock.release()
            if not meeting.senders:
                notify_all(meeting.receivers)

    def buffered(self) -> int:
        """Return 0: nothing is sent before it is received."""
        return 0


class RendezvousReceiver:
    """Takes the offered items."""

    __slots__ = ("_meeting",)

    def __init__(self, meeting: _Meeting) -> None:
        self._meeting = meeting

    async def receive(self) -> Any:
        """Take the oldest offer, waiting for one."""
        meeting = self._meeting
        with meeting.mutex:
            while True:
                try:
                    offer = meeting.offers.popleft()
                except IndexError:  # none, or its sender was cancelled a moment ago
                    if meeting.abandoned:
                        raise ClosedResourceError("the receiving end was closed") from None
                    if not meeting.senders:
                        raise EndOfChannel from None
                    wait_in(meeting.receivers, meeting.mutex)
                else:
                    offer.taken = True
                    offer.lock.release()
                    return offer.item

    async def aclose(self) -> None:
        """Senders fail, and so does who receives."""
        meeting = self._meeting
        with meeting.mutex:
            meeting.abandoned = True
            notify_all(meeting.offers)
            notify_all(meeting.receivers)


class QueueSender:
    """`queue.Queue.put`, which nothing interrupts. The last one that closes shuts the queue down, from Python 3.13."""

    __slots__ = ("_open", "_queue", "buffered")

    def __init__(self, items: queue.Queue[Any], open_senders: set[QueueSender]) -> None:
        self._queue = items
        self._open = open_senders
        self._open.add(self)
        self.buffered = items.qsize

    async def send(self, item: Any) -> None:
        """Put one item."""
        self._queue.put(item)

    def clone(self) -> QueueSender:
        """Return another sender."""
        return QueueSender(self._queue, self._open)

    async def aclose(self) -> None:
        """Shut the queue down if this is the last sender and a queue can be."""
        self._open.discard(self)
        if sys.version_info >= (3, 13) and not self._open:
            self._queue.shutdown()


class QueueReceiver:
    """`queue.Queue.get`, which nothing interrupts."""

    __slots__ = ("_queue",)

    def __init__(self, items: queue.Queue[Any]) -> None:
        self._queue = items

    async def receive(self) -> Any:
        """Get one item."""
        return self._queue.get()

    async def aclose(self) -> None:
        """Do nothing: a queue has no receiving end."""


Ends = (
    tuple[BufferSender, BufferReceiver]
    | tuple[RendezvousSender, RendezvousReceiver]
    | tuple[QueueSender, QueueReceiver]
)


def open_channel(capacity: int | None) -> Ends:
    """Return both ends of a channel."""
    if capacity == 0:
        meeting = _Meeting()
        return RendezvousSender(meeting), RendezvousReceiver(meeting)
    buffer = _Buffer(sys.maxsize if capacity is None else capacity)
    return BufferSender(buffer), BufferReceiver(buffer)


if sys.version_info >= (3, 13):
    SHUT_DOWN: tuple[type[Exception], ...] = (queue.ShutDown,)
else:
    SHUT_DOWN = ()


def open_queue(capacity: int | None) -> Ends:
    """Return `put` and `get` of a `queue.Queue`; a capacity of 0 is unbounded."""
    items: queue.Queue[Any] = queue.Queue(capacity or 0)
    return QueueSender(items, set()), QueueReceiver(items)
