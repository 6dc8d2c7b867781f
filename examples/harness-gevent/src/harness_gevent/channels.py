"""Channels: `gevent.queue.Queue`, and `gevent.queue.Channel` for the rendezvous; both with ends that can be closed."""

from __future__ import annotations

from typing import Any

import gevent
from gevent.queue import Channel, Queue, ShutDown
from harness.api import BrokenResourceError, ClosedResourceError, EndOfChannel, Resource


class _Buffer:
    """Shared state of the ends of a buffered channel."""

    def __init__(self, capacity: int | None) -> None:
        self.queue: Any = Queue(capacity)
        self.senders = 0
        self.abandoned = False

    def resource(self) -> Resource:
        """Describe it, for the autopsy of its waiters."""
        capacity = self.queue.maxsize
        room = "any number of" if capacity is None else capacity
        return Resource.of(self, f"Queue ({self.queue.qsize()} of {room} items, open senders: {self.senders})")


class BufferSender:
    """`Queue.put`. The last one that closes shuts the queue down."""

    def __init__(self, buffer: _Buffer) -> None:
        self._buffer = buffer
        self._closed = False
        self.buffered = buffer.queue.qsize
        buffer.senders += 1

    def resource(self) -> Resource:
        """Describe the channel."""
        return self._buffer.resource()

    async def send(self, item: Any) -> None:
        """Put one item."""
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        try:
            self._buffer.queue.put(item)
        except ShutDown:
            if self._buffer.abandoned:
                raise BrokenResourceError("the receiving end was closed") from None
            raise ClosedResourceError("this sender was closed") from None

    def clone(self) -> BufferSender:
        """Return another sender."""
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        return BufferSender(self._buffer)

    async def aclose(self) -> None:
        """Close this sender."""
        if not self._closed:
            self._closed = True
            self._buffer.senders -= 1
            if not self._buffer.senders:
                self._buffer.queue.shutdown()


class BufferReceiver:
    """`Queue.get`."""

    def __init__(self, buffer: _Buffer) -> None:
        self._buffer = buffer

    def resource(self) -> Resource:
        """Describe the channel."""
        return self._buffer.resource()

    async def receive(self) -> Any:
        """Get one item."""
        queue = self._buffer.queue
        while True:
            try:
                return queue.get()
            except ShutDown:
                if self._buffer.abandoned:
                    raise ClosedResourceError("the receiving end was closed") from None
                if queue.empty():
                    raise EndOfChannel from None
                # shutdown() ends every waiter, even one that was given an item a moment ago

    async def aclose(self) -> None:
        """Drop the items of the queue; later puts and gets fail."""
        self._buffer.abandoned = True
        self._buffer.queue.shutdown(immediate=True)


class _Meeting:
    """Shared state of the ends of a rendezvous channel. A `Channel` has no end, so its waiters are thrown one."""

    def __init__(self) -> None:
        self.channel: Any = Channel()
        self.senders = 0
        self.abandoned = False

    def resource(self) -> Resource:
        """Describe it, for the autopsy of its waiters."""
        waiting = f"{len(self.channel.getters)} receive, {len(self.channel.putters)} send"
        return Resource.of(self, f"Channel ({waiting}, open senders: {self.senders})")

    def throw_receivers(self, error: type[Exception]) -> None:
        """Throw it into who gets now, from the hub, where each of them stands in its wait."""
        waiting = tuple(self.channel.getters)

        def throw() -> None:
            for waiter in waiting:
                if waiter in self.channel.getters:
                    waiter.throw(error)

        gevent.get_hub().loop.run_callback(throw)

    def throw_senders(self, error: type[Exception], sender: RendezvousSender | None = None) -> None:
        """Throw it into who puts now, through one sender or any."""
        waiting = tuple(entry for entry in self.channel.putters if sender is None or entry[0].sender is sender)

        def throw() -> None:
            for entry in waiting:
                if entry in self.channel.putters:
                    entry[1].throw(error)

        gevent.get_hub().loop.run_callback(throw)


class _Offer:
    """An item and the sender that it comes from."""

    __slots__ = ("item", "sender")

    def __init__(self, item: Any, sender: RendezvousSender) -> None:
        self.item = item
        self.sender = sender


class RendezvousSender:
    """`Channel.put`."""

    def __init__(self, meeting: _Meeting) -> None:
        self._meeting = meeting
        self._closed = False
        meeting.senders += 1

    def resource(self) -> Resource:
        """Describe the channel."""
        return self._meeting.resource()

    async def send(self, item: Any) -> None:
        """Put one item; it returns when the item is taken."""
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        if self._meeting.abandoned:
            raise BrokenResourceError("the receiving end was closed")
        self._meeting.channel.put(_Offer(item, self))

    def clone(self) -> RendezvousSender:
        """Return another sender."""
        if self._closed:
            raise ClosedResourceError("this sender was closed")
        return RendezvousSender(self._meeting)

    async def aclose(self) -> None:
        """Close this sender; who still waits in it is thrown out."""
        if self._closed:
            return
        self._closed = True
        meeting = self._meeting
        meeting.senders -= 1
        meeting.throw_senders(ClosedResourceError, self)
        if not meeting.senders:
            meeting.throw_receivers(EndOfChannel)

    def buffered(self) -> int:
        """Return 0: nothing is sent before it is received."""
        return 0


class RendezvousReceiver:
    """`Channel.get`."""

    def __init__(self, meeting: _Meeting) -> None:
        self._meeting = meeting

    def resource(self) -> Resource:
        """Describe the channel."""
        return self._meeting.resource()

    async def receive(self) -> Any:
        """Get one item."""
        meeting = self._meeting
        if meeting.abandoned:
            raise ClosedResourceError("the receiving end was closed")
        if not meeting.senders:
            raise EndOfChannel
        return meeting.channel.get().item

    async def aclose(self) -> None:
        """Senders fail, and so does who receives."""
        meeting = self._meeting
        meeting.abandoned = True
        meeting.throw_senders(BrokenResourceError)
        meeting.throw_receivers(ClosedResourceError)


Ends = tuple[BufferSender, BufferReceiver] | tuple[RendezvousSender, RendezvousReceiver]


def open_channel(capacity: int | None) -> Ends:
    """Return both ends of a channel."""
    if capacity == 0:
        meeting = _Meeting()
        return RendezvousSender(meeting), RendezvousReceiver(meeting)
    buffer = _Buffer(capacity)
    return BufferSender(buffer), BufferReceiver(buffer)
