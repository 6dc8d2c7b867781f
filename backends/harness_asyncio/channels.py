"""Channels on `asyncio.Queue`, and a rendezvous, which asyncio has not."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from harness.api import BrokenResourceError, ClosedResourceError, EndOfChannel, RuntimeContractError

Waiters = deque[asyncio.Future[Any]]


class ItemQueue(Protocol):
    """State shared by the two ends of a channel."""

    async def put(self, item: Any, /) -> None:
        """Send an item."""

    async def get(self) -> Any:
        """Receive an item."""

    def qsize(self) -> int:
        """Return the number of items sent and not yet received."""

    def end(self) -> None:
        """Let receivers take the buffered items and then see the end."""

    def abandon(self) -> None:
        """Fail all waiting senders: there is no receiver any more."""


class ChannelQueue(asyncio.Queue[Any]):
    """`asyncio.Queue` with an end. `put` and `get` are the native ones; nothing is in their way until the end.

    From Python 3.13 the end is `Queue.shutdown`. Before, the queue is given a class in which the two methods refuse
    that the native code calls when it would wait (`_get_loop`) and when it adds an item (`put_nowait`). `empty` does
    not: the native `get` also calls it while it handles a cancellation, and raising there would swallow that.
    """

    _getters: Waiters
    _putters: Waiters

    def end(self) -> None:
        """Let receivers take the buffered items and then see the end; sends that still wait fail."""
        fail(self._putters, ClosedResourceError)
        if sys.version_info >= (3, 13):
            self.shutdown()
            self.__class__ = _ShutQueue
        else:
            # No functions put on the instance: the interpreter would then look for them in every other queue.
            self.__class__ = _EndedQueue
            for getter in self._getters:
                if not getter.done():
                    getter.set_result(None)

    def abandon(self) -> None:
        """Fail all waiting senders: there is no receiver any more."""
        fail(self._putters, BrokenResourceError)
        fail(self._getters, ClosedResourceError)


class _ShutQueue(ChannelQueue):
    """A `ChannelQueue` after its `shutdown`: a `put` that had its turn by then is closed, not at an end."""

    def full(self) -> NoReturn:
        # Only a `put` asks.
        raise ClosedResourceError("the sender was closed while it waited for room")

    def put_nowait(self, item: Any) -> NoReturn:
        """Refuse an item."""
        raise ClosedResourceError(f"cannot send {item!r}: the last sender was closed")


class _EndedQueue(ChannelQueue):
    """A `ChannelQueue` after its end, where it has no `shutdown`."""

    def _get_loop(self) -> NoReturn:
        # Only a `get` waits when nothing is left, and only a `put` when something is.
        if self.qsize():
            raise ClosedResourceError("the sender was closed while it waited for room")
        raise EndOfChannel("the last sender closed and nothing is left")

    def put_nowait(self, item: Any) -> NoReturn:
        """Refuse an item."""
        raise ClosedResourceError(f"cannot send {item!r}: the last sender was closed")


class Rendezvous:
    """Hand each item from one `put` to one `get`, with no place in between.

    A receiver that waits wakes a sender; the *sender* hands over while it runs, so a cancelled `put` has handed over
    nothing. A turn is handed over, no item: a receiver takes the oldest item when it runs. One that is cancelled before
    gives its turn back, and with it the youngest item, so that the order of items survives, and a cancelled `get` has
    taken nothing. (Letting the receiver take from a waiting sender would save a switch, but a sender cancelled in that
    tick would have sent.)
    """

    __slots__ = ("_ended", "_getters", "_handed", "_loop", "_put_back", "_putters", "_refusal")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._getters: Waiters = deque()
        self._putters: Waiters = deque()
        self._handed: deque[Any] = deque()
        """Items of the receivers that have a turn and have not run."""
        self._put_back: deque[Any] = deque()
        self._ended = False
        self._refusal: type[RuntimeContractError] | None = None

    async def put(self, item: Any, /) -> None:
        """Wait for a receiver and give it the item."""
        park = self._putters.append
        while not self._receiver_waits():
            if self._refusal is not None:
                raise self._refusal
            turn = self._loop.create_future()
            park(turn)
            park = self._putters.appendleft  # Whoever was woken in vain keeps its place.
            try:
                await turn
            except BaseException:
                turn.cancel()
                _discard(self._putters, turn)
                if not turn.cancelled():
                    self._wake_sender()  # The turn was given and cannot be taken.
                raise
        self._handed.append(item)
        self._getters.popleft().set_result(True)

    async def get(self) -> Any:
        """Wait for a sender and take its item."""
        while not self._put_back:
            if self._ended:
                raise EndOfChannel("the last sender closed")
            taken: asyncio.Future[bool] = self._loop.create_future()
            self._getters.append(taken)
            self._wake_sender()
            try:
                if await taken:
                    return self._handed.popleft()
            except BaseException:
                taken.cancel()
                _discard(self._getters, taken)
                if not taken.cancelled() and taken.exception() is None and taken.result():
                    self._give_back()
                raise
        self._handed.append(self._put_back.popleft())
        return self._handed.popleft()

    def qsize(self) -> int:
        """Return the number of items that a cancelled receiver put back."""
        return len(self._put_back)

    def end(self) -> None:
        """Let receivers see the end; sends that still wait fail."""
        self._ended = True
        self._refuse(ClosedResourceError)
        # Woken with nothing rather than with the error: a receiver ahead of them may still put an item back.
        for getter in self._getters:
            if not getter.done():
                getter.set_result(False)

    def abandon(self) -> None:
        """Fail all waiting senders: there is no receiver any more."""
        self._refuse(BrokenResourceError)
        fail(self._getters, ClosedResourceError)

    def _refuse(self, error: type[RuntimeContractError]) -> None:
        self._refusal = error
        fail(self._putters, error)

    def _receiver_waits(self) -> bool:
        while self._getters and self._getters[0].done():
            self._getters.popleft()  # Cancelled, and has not run since.
        return bool(self._getters)

    def _wake_sender(self) -> None:
        while self._putters:
            turn = self._putters.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _give_back(self) -> None:
        if self._receiver_waits():
            self._getters.popleft().set_result(True)
        else:
            self._put_back.appendleft(self._handed.pop())


class AsyncioSendChannel:
    """A sender; `send` is the queue's own `put` until the sender is closed."""

    __slots__ = ("_queue", "_senders", "send")

    send: Callable[[Any], Awaitable[object]]

    def __init__(self, queue: ItemQueue, senders: set[AsyncioSendChannel]) -> None:
        self._queue = queue
        self._senders = senders
        self.send = queue.put
        senders.add(self)

    def clone(self) -> AsyncioSendChannel:
        """Return another sender to the same channel."""
        if self not in self._senders:
            raise ClosedResourceError("cannot clone a closed sender")
        clone = AsyncioSendChannel(self._queue, self._senders)
        clone.send = self.send
        return clone

    async def aclose(self) -> None:
        """Close this sender, and with the last one the channel."""
        if self in self._senders:
            self._senders.remove(self)
            self.send = refuse_closed
            if not self._senders:
                self._queue.end()

    def buffered(self) -> int:
        """Return the number of items sent and not yet received."""
        return self._queue.qsize()


class AsyncioReceiveChannel:
    """The receiving end; `receive` is the queue's own `get` until it is closed."""

    __slots__ = ("_queue", "_senders", "receive")

    receive: Callable[[], Awaitable[Any]]

    def __init__(self, queue: ItemQueue, senders: set[AsyncioSendChannel]) -> None:
        self._queue = queue
        self._senders = senders
        self.receive = queue.get

    async def aclose(self) -> None:
        """Close the receiving end; senders see that it is gone."""
        self.receive = refuse_closed
        for sender in self._senders:
            sender.send = refuse_broken
        self._queue.abandon()


def open_channel(
    capacity: int | None, loop: asyncio.AbstractEventLoop
) -> tuple[AsyncioSendChannel, AsyncioReceiveChannel]:
    """Open a channel: `None` is unbounded (`Queue(0)` in asyncio's words), 0 a rendezvous."""
    queue: ItemQueue = Rendezvous(loop) if capacity == 0 else ChannelQueue(capacity or 0)
    senders: set[AsyncioSendChannel] = set()
    return AsyncioSendChannel(queue, senders), AsyncioReceiveChannel(queue, senders)


async def refuse_closed(*_args: object) -> NoReturn:
    """Stand in for a call on something that this side closed."""
    raise ClosedResourceError("this side was closed")


async def refuse_broken(*_args: object) -> NoReturn:
    """Stand in for `send` after the receiving end was closed."""
    raise BrokenResourceError("the receiving end was closed")


def fail(waiters: Waiters, error: type[RuntimeContractError]) -> None:
    """Raise an error in every task that waits."""
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(error())


def _discard(waiters: Waiters, waiter: asyncio.Future[Any]) -> None:
    with suppress(ValueError):
        waiters.remove(waiter)
