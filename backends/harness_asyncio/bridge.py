"""Calls from threads: `call_soon_threadsafe` and `run_coroutine_threadsafe`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from harness.api import CancelScope, Event, Runtime, SendChannel, TaskGroup, UnhandledReport

if TYPE_CHECKING:
    from concurrent.futures import Future

RunScheduler = Callable[[Callable[[Runtime], Awaitable[Any]], UnhandledReport], None]
"""Runs a main function on a loop of its own, in the calling thread."""


class AsyncioInbox:
    """An `asyncio.Queue`; `put` is `loop.call_soon_threadsafe(queue.put_nowait, item)`."""

    __slots__ = ("_loop", "_put", "receive")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._loop = loop
        self._put = queue.put_nowait
        self.receive = queue.get

    def put(self, item: object) -> None:
        """Hand an item over."""
        self._loop.call_soon_threadsafe(self._put, item)


class AsyncioBridgeEvent:
    """An `asyncio.Event`; `set` is `loop.call_soon_threadsafe(event.set)`."""

    __slots__ = ("_loop", "_set", "is_set", "wait")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        event = asyncio.Event()
        self._loop = loop
        self._set = event.set
        self.is_set = event.is_set
        self.wait = event.wait

    def set(self) -> None:
        """Have the flag set."""
        self._loop.call_soon_threadsafe(self._set)


class AsyncioBridge:
    """A running loop, seen from threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, run_scheduler: RunScheduler) -> None:
        self._loop = loop
        self.run_scheduler = run_scheduler
        self.call_soon = loop.call_soon_threadsafe

    def open_inbox(self) -> AsyncioInbox:
        """Open an inbox."""
        return AsyncioInbox(self._loop)

    def create_event(self) -> AsyncioBridgeEvent:
        """Create an event."""
        return AsyncioBridgeEvent(self._loop)

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a coroutine that makes the call: a callback of the loop has no result."""

        async def step() -> Any:
            return fn(*args)

        return self.submit(step).result()

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`asyncio.run_coroutine_threadsafe(...).result()`."""
        return self.submit(fn, *args).result()

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Future[Any]:
        """`asyncio.run_coroutine_threadsafe`. A loop that has ended refuses the coroutine, and it is closed."""
        coroutine = cast("Coroutine[Any, Any, Any]", fn(*args))
        try:
            job = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise
        # For the autopsy of a thread that waits.
        job.scheduler_has_ended = self._loop.is_closed  # type: ignore[attr-defined]
        return job

    def direct(self) -> AsyncioDirect:
        """Return the calls that a thread should not make."""
        return AsyncioDirect()


class AsyncioDirect:
    """asyncio's objects, none of which is thread-safe. None of these calls waits, so that one step makes it."""

    def put(self, channel: SendChannel, item: object) -> None:
        """`Queue.put` of a queue that has room, which is `put_nowait`."""
        _step(channel.send(item))

    def set(self, event: Event) -> None:
        """`Event.set`."""
        _step(event.set())

    def spawn(self, group: TaskGroup, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """`TaskGroup.create_task`."""
        _step(group.spawn(fn, *args))

    def cancel(self, scope: CancelScope) -> None:
        """`Timeout.reschedule`, which asks for the loop of the calling thread."""
        _step(scope.cancel())


def _step(call: Any) -> None:
    with suppress(StopIteration):
        call.send(None)
