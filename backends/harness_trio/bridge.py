"""Calls from threads: `trio.from_thread` and `TrioToken.run_sync_soon`."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NoReturn

import trio
from trio import _threads

from harness.api import CancelScope, Event, Runtime, SendChannel, TaskGroup, UnhandledReport, UnsupportedError

RunScheduler = Callable[[Callable[[Runtime], Awaitable[Any]], UnhandledReport], None]
"""Runs a main function with `trio.run`, in the calling thread."""


class TrioInbox:
    """A memory channel; `put` is `token.run_sync_soon(channel.send_nowait, item)`."""

    __slots__ = ("_put", "_token", "receive")

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        send, receive = trio.open_memory_channel[Any](math.inf)
        self._token = token
        self._put = send.send_nowait
        self.receive = receive.receive

    def put(self, item: object) -> None:
        """Hand an item over."""
        self._token.run_sync_soon(self._put, item)


class TrioBridgeEvent:
    """A `trio.Event`; `set` is `token.run_sync_soon(event.set)`."""

    __slots__ = ("_set", "_token", "is_set", "wait")

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        event = trio.Event()
        self._token = token
        self._set = event.set
        self.is_set = event.is_set
        self.wait = event.wait

    def set(self) -> None:
        """Have the flag set."""
        self._token.run_sync_soon(self._set)


class TrioBridge:
    """A run of trio, seen from threads. Made in a task."""

    def __init__(self, run_scheduler: RunScheduler) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self.run_scheduler = run_scheduler
        self.call_soon = self._token.run_sync_soon

    def open_inbox(self) -> TrioInbox:
        """Open an inbox."""
        return TrioInbox(self._token)

    def create_event(self) -> TrioBridgeEvent:
        """Create an event."""
        return TrioBridgeEvent(self._token)

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        """`trio.from_thread.run_sync`."""
        return trio.from_thread.run_sync(fn, *args, trio_token=self._token_here())

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`trio.from_thread.run`."""
        return trio.from_thread.run(fn, *args, trio_token=self._token_here())

    def _token_here(self) -> trio.lowlevel.TrioToken | None:
        # A thread of `trio.to_thread` calls back into its own task, and needs no token; a foreign one does.
        is_own = getattr(_threads.PARENT_TASK_DATA, "token", None) is self._token
        return None if is_own else self._token

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> NoReturn:
        """Refuse: trio has no handle of a call."""
        del fn, args
        raise UnsupportedError("trio has no call from a thread that is waited for later")

    def direct(self) -> TrioDirect:
        """Return the calls that a thread should not make."""
        return TrioDirect()


class TrioDirect:
    """trio's objects, none of which is thread-safe. None of these calls waits, so that one step makes it."""

    def put(self, channel: Any, item: object) -> None:
        """`MemorySendChannel.send_nowait`."""
        send: SendChannel = channel
        native: trio.MemorySendChannel[Any] = send.send.__self__  # type: ignore[attr-defined]  # its own bound method
        native.send_nowait(item)

    def set(self, event: Event) -> None:
        """`Event.set`."""
        _step(event.set())

    def spawn(self, group: TaskGroup, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """`Nursery.start_soon`."""
        _step(group.spawn(fn, *args))

    def cancel(self, scope: CancelScope) -> None:
        """`CancelScope.cancel`."""
        _step(scope.cancel())


def _step(call: Any) -> None:
    with suppress(StopIteration):
        call.send(None)
