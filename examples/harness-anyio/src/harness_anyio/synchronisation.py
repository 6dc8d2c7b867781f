"""anyio's synchronisation primitives behind the contract's vocabulary; what waits is the native bound method."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio


class Event:
    """`anyio.Event`."""

    __slots__ = ("_set", "is_set", "wait")

    def __init__(self) -> None:
        event = anyio.Event()
        self._set = event.set
        self.is_set: Callable[[], bool] = event.is_set
        self.wait: Callable[[], Coroutine[Any, Any, object]] = event.wait

    async def set(self) -> None:
        """`Event.set`."""
        self._set()


class _Held:
    """What `async with` acquires and releases."""

    __slots__ = ("_release", "acquire")

    def __init__(self, held: anyio.Lock | anyio.Semaphore | anyio.Condition) -> None:
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
    """`anyio.Lock`."""

    __slots__ = ("locked",)

    def __init__(self) -> None:
        lock = anyio.Lock()
        super().__init__(lock)
        self.locked: Callable[[], bool] = lock.locked


class Semaphore(_Held):
    """`anyio.Semaphore`."""

    __slots__ = ()

    def __init__(self, permits: int) -> None:
        super().__init__(anyio.Semaphore(permits))


class Condition(_Held):
    """`anyio.Condition` with its own lock."""

    __slots__ = ("_condition", "wait")

    def __init__(self) -> None:
        self._condition = anyio.Condition()
        super().__init__(self._condition)
        self.wait: Callable[[], Coroutine[Any, Any, object]] = self._condition.wait

    async def notify(self, n: int = 1) -> None:
        """Wake up to `n` waiters."""
        self._condition.notify(n)

    async def notify_all(self) -> None:
        """Wake all waiters."""
        self._condition.notify_all()
