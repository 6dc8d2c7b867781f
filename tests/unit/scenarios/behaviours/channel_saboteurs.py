"""Runtimes that break one thing about channels."""

from __future__ import annotations

from harness.api import EndOfChannel, ErrorKind
from harness_asyncio.queues import open_queue

from .fairness_saboteurs import Wrapped


class PlainQueues(Wrapped):
    """Its channels are plain queues of asyncio, as with `asyncio:channel=queue`."""

    def open_channel(self, capacity):
        """Return both ends of a queue."""
        return open_queue(capacity)


def with_capacity(change):
    """Return a runtime whose channels have another capacity than they should."""

    class OtherCapacity(Wrapped):
        """Its channels have another capacity than they should."""

        def open_channel(self, capacity):
            """Open one."""
            return self.inner.open_channel(change(capacity))

    return OtherCapacity


def with_ends(sender=Wrapped, receiver=Wrapped):
    """Return a runtime whose senders and receivers are wrapped."""

    class OtherEnds(Wrapped):
        """Its channels have other ends."""

        def open_channel(self, capacity):
            """Open one, with what the two ends share."""
            ends = Ends(self.inner)
            send, receive = self.inner.open_channel(capacity)
            return Sender.of(sender, send, ends), Sender.of(receiver, receive, ends)

    return OtherEnds


class Ends:
    """What a saboteur's ends of a channel share."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.senders = []
        self.hidden = []
        self.sent = 0


class Sender(Wrapped):
    """An end that knows what the ends of its channel share."""

    @staticmethod
    def of(kind, inner, ends):
        """Return an end of that kind."""
        end = kind(inner)
        end.ends = ends
        ends.senders.append(end)
        return end

    def clone(self):
        """Return another sender of the same kind."""
        return Sender.of(type(self), self.inner.clone(), self.ends)


class DropsThird(Sender):
    """Loses the third item."""

    async def send(self, item):
        """Send, mostly."""
        self.ends.sent += 1
        if self.ends.sent != 3:
            await self.inner.send(item)


class DropsFirst(Sender):
    """Loses the first item, and what comes into a channel of one place when it is full."""

    async def send(self, item):
        """Send, but for the first item and the early one."""
        if item not in ("first", "early"):
            await self.inner.send(item)


class NeverCloses(Sender):
    """Does nothing when it is closed."""

    async def aclose(self):
        """Do nothing."""


class ClosesWithGhost(Sender):
    """Sends one more item when it is closed."""

    async def aclose(self):
        """Send and close."""
        await self.inner.send("ghost")
        await self.inner.aclose()


class ClosesAllTheSecondTime(Sender):
    """Counts a close for each call: the second one is taken for that of another sender."""

    closed = False

    async def aclose(self):
        """Close, and the second time close the others."""
        await self.inner.aclose()
        if self.closed:
            for other in self.ends.senders:
                await other.inner.aclose()
        self.closed = True


class SaysSent(Sender):
    """Says that an item was sent although the close came first."""

    async def send(self, item):
        """Send, and swallow that this is closed."""
        try:
            await self.inner.send(item)
        except Exception as exc:
            if self.ends.runtime.classify(exc) is not ErrorKind.CLOSED:
                raise


class SendsAllTheSame(Sender):
    """Raises that it is closed and sends the item all the same."""

    async def send(self, item):
        """Send, and hide the item if this is closed."""
        try:
            await self.inner.send(item)
        except Exception as exc:
            if self.ends.runtime.classify(exc) is ErrorKind.CLOSED:
                self.ends.hidden.append(item)
            raise


class FindsHidden(Wrapped):
    """A receiver that delivers what a failed send has hidden."""

    async def receive(self):
        """Receive, and at the end what was hidden."""
        try:
            return await self.inner.receive()
        except Exception as exc:
            if self.ends.hidden and self.ends.runtime.classify(exc) is ErrorKind.END_OF_CHANNEL:
                return self.ends.hidden.pop()
            raise


class EndsEarly(Wrapped):
    """A receiver that sees the end before the last two items."""

    received = 0

    async def receive(self):
        """Receive three items."""
        self.received += 1
        if self.received > 3:
            raise EndOfChannel
        return await self.inner.receive()
