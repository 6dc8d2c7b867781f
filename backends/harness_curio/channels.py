"""Channels for curio: its own `Queue` made closable, and a rendezvous, which curio does not have."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Protocol

import curio
from curio.sched import SchedBarrier

from harness.api import ClosedResourceError, EndOfChannel

_SENDER_CLOSED = "this sender is closed"
_RECEIVER_CLOSED = "this receiver is closed"


class _Pipe(Protocol):
    """State shared by the two ends of a channel."""

    @property
    def put(self) -> Callable[[Any], Awaitable[object]]: ...
    @property
    def get(self) -> Callable[[], Awaitable[Any]]: ...
    def qsize(self) -> int: ...
    async def end(self) -> None:
        """Fail senders and, once nothing is left, end receivers: those that wait and those to come."""


class _Buffered:
    """A `curio.Queue`. While it is open nothing stands between a scenario and the queue's own methods."""

    __slots__ = ("_queue", "get", "put", "qsize")

    def __init__(self, capacity: int | None) -> None:
        self._queue = queue = curio.Queue(maxsize=0 if capacity is None else capacity)
        self.put: Callable[[Any], Awaitable[object]] = queue.put
        self.get: Callable[[], Awaitable[Any]] = queue.get
        self.qsize: Callable[[], int] = queue.qsize

    async def end(self) -> None:
        queue = self._queue
        # Another class, and no functions put on the instance: these would slow down every other queue by 4 %, because
        # the interpreter then has to look for them in each instance.
        queue.__class__ = _EndedQueue
        await queue._get_waiting.wake(len(queue._get_waiting))  # noqa: SLF001 - Queue has no close
        await queue._put_waiting.wake(len(queue._put_waiting))  # noqa: SLF001


class _EndedQueue(curio.Queue):  # type: ignore[misc]  # curio has no types
    """A `curio.Queue` after its end.

    `get` loops on `empty` and `put` on `full`, before each wait and after it: the one place to say "no more".
    """

    def empty(self) -> bool:
        if self.qsize():
            return False
        raise EndOfChannel

    def full(self) -> NoReturn:
        raise ClosedResourceError(_SENDER_CLOSED)


class _Parked(SchedBarrier):  # type: ignore[misc]  # curio has no types
    """One task that waits for its counterpart.

    The kernel takes a cancelled task off the barrier at once, before the task itself runs again, and a woken task can
    no longer be cancelled in this wait. So `len` is the truth about who may still be met, and waking commits both.
    """

    def __init__(self, item: Any = None) -> None:
        super().__init__()
        self.item = item
        self.ended = False


_Queue = OrderedDict[_Parked, None]
"""In order of arrival. A cancelled task can leave from the middle at no cost."""


class _Rendezvous:
    """Capacity 0: `put` returns when a receiver has the item."""

    __slots__ = ("_ended", "_receivers", "_senders")

    def __init__(self) -> None:
        self._senders: _Queue = OrderedDict()
        self._receivers: _Queue = OrderedDict()
        self._ended = False

    def qsize(self) -> int:
        return 0

    async def put(self, item: Any) -> None:
        if self._ended:
            raise ClosedResourceError(_SENDER_CLOSED)
        receiver = _first_parked(self._receivers)
        if receiver is not None:
            receiver.item = item
            await receiver.wake()
            return
        me = await _park(_Parked(item), self._senders, "RENDEZVOUS_PUT")
        if me.ended:
            raise ClosedResourceError(_SENDER_CLOSED)

    async def get(self) -> Any:
        sender = _first_parked(self._senders)
        if sender is not None:
            await sender.wake()
            return sender.item
        if self._ended:
            raise EndOfChannel
        me = await _park(_Parked(), self._receivers, "RENDEZVOUS_GET")
        if me.ended:
            raise EndOfChannel
        return me.item

    async def end(self) -> None:
        self._ended = True
        for waiting in (self._receivers, self._senders):
            while (parked := _first_parked(waiting)) is not None:
                parked.ended = True
                await parked.wake()


def _first_parked(waiting: _Queue) -> _Parked | None:
    while waiting:
        parked, _ = waiting.popitem(last=False)
        if len(parked):
            return parked
    return None


async def _park(me: _Parked, waiting: _Queue, reason: str) -> _Parked:
    waiting[me] = None
    try:
        await me.suspend(reason)
    except BaseException:
        # Only tidies up: whoever looked in the meantime has skipped this entry and removed it.
        waiting.pop(me, None)
        raise
    return me


class SendChannel:
    """A sender; its clones share the count of those still open."""

    __slots__ = ("_closed", "_open", "_pipe", "buffered", "send")

    def __init__(self, pipe: _Pipe, open_senders: list[int]) -> None:
        self._pipe = pipe
        self._open = open_senders
        self._open[0] += 1
        self._closed = False
        self.send: Callable[[Any], Awaitable[object]] = pipe.put
        self.buffered: Callable[[], int] = pipe.qsize

    def clone(self) -> SendChannel:
        """Count one more sender."""
        if self._closed:
            raise ClosedResourceError(_SENDER_CLOSED)
        return SendChannel(self._pipe, self._open)

    async def aclose(self) -> None:
        """Count one sender less; the last one ends the channel."""
        if self._closed:
            return
        self._closed = True
        self.send = _refuse_send
        self._open[0] -= 1
        if self._open[0] == 0:
            await self._pipe.end()


class ReceiveChannel:
    """The receiving end. Closing it tells senders nothing, as nothing in curio would: they wait."""

    __slots__ = ("receive",)

    def __init__(self, pipe: _Pipe) -> None:
        self.receive: Callable[[], Awaitable[Any]] = pipe.get

    async def aclose(self) -> None:
        """Refuse further calls of `receive`."""
        self.receive = _refuse_receive


def open_channel(capacity: int | None) -> tuple[SendChannel, ReceiveChannel]:
    """Open a channel: a `curio.Queue`, or a rendezvous for capacity 0."""
    pipe: _Pipe = _Rendezvous() if capacity == 0 else _Buffered(capacity)
    return SendChannel(pipe, [0]), ReceiveChannel(pipe)


class QueueSender:
    """`curio.Queue.put`. A queue has no senders: closing one does nothing."""

    __slots__ = ("buffered", "send")

    def __init__(self, queue: Any) -> None:
        self.send: Callable[[Any], Awaitable[object]] = queue.put
        self.buffered: Callable[[], int] = queue.qsize

    def clone(self) -> QueueSender:
        """Return this one."""
        return self

    async def aclose(self) -> None:
        """Do nothing."""


class QueueReceiver:
    """`curio.Queue.get`. A queue has no receivers: closing one does nothing."""

    __slots__ = ("receive",)

    def __init__(self, queue: Any) -> None:
        self.receive: Callable[[], Awaitable[Any]] = queue.get

    async def aclose(self) -> None:
        """Do nothing."""


def open_queue(capacity: int | None) -> tuple[QueueSender, QueueReceiver]:
    """Return `put` and `get` of a `curio.Queue`; a capacity of 0 is unbounded."""
    queue = curio.Queue(maxsize=capacity or 0)
    return QueueSender(queue), QueueReceiver(queue)


Ends = tuple[SendChannel, ReceiveChannel] | tuple[QueueSender, QueueReceiver]


async def _refuse_send(_: Any) -> NoReturn:
    raise ClosedResourceError(_SENDER_CLOSED)


async def _refuse_receive() -> NoReturn:
    raise ClosedResourceError(_RECEIVER_CLOSED)
