"""trio's synchronisation primitives behind the contract's vocabulary; what waits is the native bound method."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import trio


class Event:
    """`trio.Event`."""

    __slots__ = ("_set", "is_set", "wait")

    def __init__(self) -> None:
        event = trio.Event()
        self._set = event.set
        self.is_set: Callable[[], bool] = event.is_set
        self.wait: Callable[[], Coroutine[Any, Any, object]] = event.wait

    async def set(self) -> None:
        """`Event.set`."""
        self._set()


class _Held:
    """What `async with` acquires and releases."""

    __slots__ = ("_release", "acquire")

    def __init__(self, held: trio.Lock | trio.Semaphore | trio.Condition) -> None:
        self._release: Callable[[], None] = held.release
        self.acquire: Callable[[], Coroutine[Any, Any, object]] = held.acquire

    async def release(self) -> None:
        """Release it."""
        self._release()

    async def __aenter__(self) -> object:
        return await self.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._release()


class Lock(_Held):
    """`trio.Lock`."""

    __slots__ = ("locked",)

    def __init__(self) -> None:
        lock = trio.Lock()
        super().__init__(lock)
        self.locked: Callable[[], bool] = lock.locked


class Semaphore(_Held):
    """`trio.Semaphore`."""

    __slots__ = ()

    def __init__(self, permits: int) -> None:
        super().__init__(trio.Semaphore(permits))


class Condition(_Held):
    """`trio.Condition` with its own lock."""

    __slots__ = ("_condition", "wait")

    def __init__(self) -> None:
        self._condition = trio.Condition()
        super().__init__(self._condition)
        self.wait: Callable[[], Coroutine[Any, Any, object]] = self._condition.wait

    async def notify(self, n: int = 1) -> None:
        """Wake up to `n` waiters."""
        self._condition.notify(n)

    async def notify_all(self) -> None:
        """Wake all waiters."""
        self._condition.notify_all()
