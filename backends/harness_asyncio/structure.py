"""Task groups and cancel scopes on `asyncio.TaskGroup` and `asyncio.Timeout`, and what asyncio's errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from harness.api import ErrorKind, classify_common

from .streams import CLOSED_HERE


class AsyncioCancelScope:
    """An `asyncio.Timeout` that drops its own `TimeoutError` and can be made to expire now."""

    __slots__ = ("_active", "_cancel_called", "_timeout", "cancelled_caught")

    cancelled_caught: bool

    def __init__(self, deadline: float | None) -> None:
        self._timeout = asyncio.timeout_at(deadline)
        self._active = False
        self._cancel_called = False
        self.cancelled_caught = False

    async def cancel(self) -> None:
        """Let the timeout expire now, or as soon as the block is entered."""
        self._cancel_called = True
        self._expire()

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._active = True
        if self._cancel_called:
            self._expire()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        self._active = False
        try:
            await self._timeout.__aexit__(exc_type, exc, tb)
        except TimeoutError:
            # Raised by this very `__aexit__`, so it is ours; a TimeoutError of the block passes through as `exc`.
            self.cancelled_caught = True
        return self.cancelled_caught

    def _expire(self) -> None:
        # A timeout that has expired, or is not entered, refuses to be rescheduled.
        if self._active and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())


class TaskCancelScope:
    """A block that `Task.cancel` ends at once, with `Task.uncancel` behind it: as programs cancel tasks."""

    __slots__ = ("_before", "_called", "_task", "cancelled_caught")

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._called = False
        self._before = 0
        self.cancelled_caught = False

    async def cancel(self) -> None:
        """Cancel the task in the block, now or as soon as the block is entered."""
        if not self._called:
            self._called = True
            if self._task is not None:
                self._task.cancel()

    async def __aenter__(self) -> Self:
        self._task = task = asyncio.current_task()
        assert task is not None
        self._before = task.cancelling()
        if self._called:
            task.cancel()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        if task is None or not self._called:
            return False
        if exc is None:
            exc = await _receive_cancellation()  # before Python 3.13 `uncancel` leaves it pending
        is_own = task.uncancel() <= self._before
        self.cancelled_caught = is_own and isinstance(exc, asyncio.CancelledError)
        return self.cancelled_caught


async def _receive_cancellation() -> asyncio.CancelledError | None:
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as exc:
        return exc
    return None


class AsyncioTaskGroup:
    """An `asyncio.TaskGroup` inside a scope through which it can be cancelled.

    The documentation's idiom (a task that raises) is not used: up to Python 3.12 a group whose body has already ended
    then forgets to `uncancel` its parent, and every enclosing `asyncio.timeout` misses its own expiry. Through a
    `Timeout` the parent is cancelled, as it would be from outside, and the count is restored by asyncio itself.
    """

    __slots__ = ("_group", "_scope")

    def __init__(self) -> None:
        self._scope = AsyncioCancelScope(None)
        self._group = asyncio.TaskGroup()

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """Start `fn(*args)` as a task of this group."""
        self._group.create_task(fn(*args), name=name)  # type: ignore[arg-type]  # asyncio wants a coroutine

    async def cancel(self) -> None:
        """Cancel the parent, which cancels the tasks of the group."""
        await self._scope.cancel()

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool:
        try:
            await self._group.__aexit__(exc_type, exc, tb)
        except BaseException as raised:
            if await self._scope.__aexit__(type(raised), raised, raised.__traceback__):
                return True
            raise
        return await self._scope.__aexit__(None, None, None)


async def first_completed(*fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
    """Run the functions until one completes; cancel and join the others.

    Returns:
        `(index, result)` of every function that completed, in order of completion.

    Raises:
        The exception of a function (of several, of the first in order of the arguments), after all have ended.
    """
    completed: list[tuple[int, Any]] = []

    async def run(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        # Recorded by the task itself: neither `wait` nor a done callback knows the order on every loop.
        completed.append((index, await fn()))

    tasks = [asyncio.create_task(run(index, fn)) for index, fn in enumerate(fns)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await _join(tasks)
    for error in [task.exception() for task in tasks if not task.cancelled()]:
        if error is not None:
            raise error
    if not completed:
        raise asyncio.CancelledError  # A function raised it itself.
    return completed


async def _join(tasks: Sequence[asyncio.Task[None]]) -> None:
    # A cancellation that arrives meanwhile must not leave tasks behind, and must not be lost.
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled


_KINDS: dict[type[BaseException], ErrorKind] = {
    asyncio.CancelledError: ErrorKind.CANCELLED,
    TimeoutError: ErrorKind.DEADLINE,  # Of asyncio.timeout; that of a socket has an errno.
    ConnectionResetError: ErrorKind.BROKEN,  # Of drain, which often has no errno for it.
    asyncio.IncompleteReadError: ErrorKind.BROKEN,
}
"""Meaning of asyncio's own exceptions, where they carry no errno."""
if hasattr(asyncio, "QueueShutDown"):
    _KINDS[asyncio.QueueShutDown] = ErrorKind.END_OF_CHANNEL

_MESSAGES = {
    "Cannot call write() after write_eof()": ErrorKind.CLOSED,
    "the handler is closed": ErrorKind.BROKEN,  # uvloop, about a transport that was lost.
}
"""How asyncio and uvloop say in a plain `RuntimeError` that nothing can be written: the message's end."""


def classify(exc: BaseException) -> ErrorKind:
    """Map asyncio's errors by one table, then by errno."""
    if CLOSED_HERE in getattr(exc, "__notes__", ()):
        return ErrorKind.CLOSED
    if getattr(exc, "errno", None) is None and (kind := _KINDS.get(type(exc))) is not None:
        return kind
    if type(exc) is RuntimeError:
        return next((kind for end, kind in _MESSAGES.items() if str(exc).endswith(end)), ErrorKind.OTHER)
    return classify_common(exc)
