"""What threads may use: `curio.UniversalQueue` and `curio.UniversalEvent`. curio takes no calls from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import curio

from harness.api import Runtime, UnhandledReport, UnsupportedError

RunScheduler = Callable[[Callable[[Runtime], Awaitable[Any]], UnhandledReport], None]
"""Runs a main function on a kernel of its own, in the calling thread."""


class CurioInbox:
    """A `curio.UniversalQueue`."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue = curio.UniversalQueue()

    def put(self, item: object) -> None:
        """`UniversalQueue.put`, which in a plain function is the one for threads."""
        self._queue.put(item)

    async def receive(self) -> Any:
        """`await UniversalQueue.get`."""
        return await self._queue.get()


class CurioBridgeEvent:
    """A `curio.UniversalEvent`."""

    __slots__ = ("_event", "is_set")

    def __init__(self) -> None:
        self._event = curio.UniversalEvent()
        self.is_set: Callable[[], bool] = self._event.is_set

    def set(self) -> None:
        """`UniversalEvent.set`, which in a plain function is the one for threads."""
        self._event.set()

    async def wait(self) -> object:
        """`await UniversalEvent.wait`."""
        return await self._event.wait()


class CurioBridge:
    """A kernel, seen from threads."""

    def __init__(self, run_scheduler: RunScheduler) -> None:
        self.run_scheduler = run_scheduler

    def open_inbox(self) -> CurioInbox:
        """Open an inbox."""
        return CurioInbox()

    def create_event(self) -> CurioBridgeEvent:
        """Create an event."""
        return CurioBridgeEvent()

    def call_soon(self, fn: Callable[..., object], *args: object) -> NoReturn:
        """Refuse."""
        del fn, args
        raise UnsupportedError(_NO_CALLS)

    call = run = submit = call_soon

    def direct(self) -> NoReturn:
        """Refuse."""
        raise UnsupportedError("curio's operations are coroutines of its kernel: a thread has no way to make one")


_NO_CALLS = "curio takes no calls from threads that it did not start"
