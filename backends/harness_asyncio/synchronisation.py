"""asyncio's synchronisation primitives behind the contract's vocabulary; what waits is the native bound method."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Waiting = Callable[[], Coroutine[Any, Any, object]]


class AsyncioEvent:
    """`asyncio.Event`."""

    __slots__ = ("_set", "is_set", "wait")

    is_set: Callable[[], bool]
    wait: Waiting

    def __init__(self) -> None:
        event = asyncio.Event()
        self._set = event.set
        self.is_set = event.is_set
        self.wait = event.wait

    async def set(self) -> None:
        """Set the flag."""
        self._set()


class _Acquirable:
    """What lock, semaphore and condition share. `async with` costs one call more than the native one."""

    __slots__ = ("_release", "acquire")

    acquire: Waiting

    def __init__(self, native: asyncio.Lock | asyncio.Semaphore | asyncio.Condition) -> None:
        self.acquire = native.acquire
        self._release = native.release

    async def release(self) -> None:
        """Release it."""
        self._release()

    def __aenter__(self) -> Coroutine[Any, Any, object]:
        return self.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._release()


class AsyncioLock(_Acquirable):
    """`asyncio.Lock`."""

    __slots__ = ("locked",)

    locked: Callable[[], bool]

    def __init__(self) -> None:
        lock = asyncio.Lock()
        super().__init__(lock)
        self.locked = lock.locked


class AsyncioSemaphore(_Acquirable):
    """`asyncio.Semaphore`."""

    __slots__ = ()

    def __init__(self, permits: int) -> None:
        super().__init__(asyncio.Semaphore(permits))


class AsyncioCondition(_Acquirable):
    """`asyncio.Condition` with its own lock."""

    __slots__ = ("_condition", "wait")

    wait: Waiting

    def __init__(self) -> None:
        self._condition = asyncio.Condition()
        super().__init__(self._condition)
        self.wait = self._condition.wait

    async def notify(self, n: int = 1) -> None:
        """Wake up to `n` waiters."""
        self._condition.notify(n)

    async def notify_all(self) -> None:
        """Wake all waiters."""
        self._condition.notify_all()
