"""Cancel scopes and task groups on `asyncio.Timeout` and `asyncio.TaskGroup`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self


class AsyncioCancelScope:
    """An `asyncio.Timeout` that drops its own `TimeoutError` and can be told to expire now."""

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
        self._group.create_task(fn(*args), name=name)  # type: ignore[arg-type]  # asyncio wants a coroutine and says so

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
