"""Calls from threads: an `async_` watcher of the hub's loop, whose `send` is the one thing that threads may call."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, NoReturn

import gevent
from gevent.event import Event
from gevent.queue import Queue
from harness.api import CancelScope, Runtime, SendChannel, TaskGroup, UnhandledReport, UnsupportedError
from harness.api import Event as RuntimeEvent

from .structure import TaskGreenlet, drive

RunScheduler = Callable[[Callable[[Runtime], Awaitable[Any]], UnhandledReport], None]


class Calls:
    """The calls that threads have handed over to a hub, and the watcher that wakes it."""

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._pending: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._mutex = threading.Lock()
        self._watcher: Any = None
        self._closed = False
        self._thread = threading.get_ident()
        self._awaited: set[Future[Any]] = set()

    def start(self) -> None:
        """Listen. From now on gevent cannot tell that a program waits for what nothing can bring."""
        if self._watcher is None:
            self._watcher = self._hub.loop.async_()
            self._watcher.start(self._make)

    def add(self, fn: Callable[..., object], *args: object) -> None:
        """Hand a call over."""
        with self._mutex:
            if self._closed:
                raise RuntimeError("cannot hand a call over: the hub has ended")
            self._pending.append((fn, args))
            self._watcher.send()

    def wait(self, result: Future[Any], start: Callable[[], object]) -> Any:
        """Hand a call over and wait for its result in this thread, for as long as the hub lives.

        Raises:
            RuntimeError: this is the hub's own thread, which would wait for itself.
            CancelledError: the hub has ended.
        """
        if threading.get_ident() == self._thread:
            raise RuntimeError("cannot wait for a call in the hub's own thread")
        self.add(start)
        self._awaited.add(result)
        if self._closed:  # between the two lines above
            result.cancel()
        try:
            return result.result()
        finally:
            self._awaited.discard(result)

    def _make(self) -> None:
        while self._pending:
            fn, args = self._pending.popleft()
            try:
                fn(*args)
            except BaseException as exc:
                self._hub.handle_error(fn, type(exc), exc, exc.__traceback__)

    def close(self) -> None:
        """Refuse further calls."""
        with self._mutex:
            self._closed = True
            if self._watcher is not None:
                self._watcher.stop()
                self._watcher.close()
        for result in tuple(self._awaited):
            result.cancel()


class Inbox:
    """A `gevent.queue.Queue` that the hub fills."""

    def __init__(self, calls: Calls) -> None:
        self._queue: Any = Queue()
        self._calls = calls

    def put(self, item: object) -> None:
        """Hand an item over."""
        self._calls.add(self._queue.put_nowait, item)

    async def receive(self) -> Any:
        """`Queue.get`."""
        return self._queue.get()


class BridgeEvent:
    """A `gevent.event.Event` that the hub sets."""

    def __init__(self, calls: Calls) -> None:
        self._event: Any = Event()
        self._calls = calls

    def set(self) -> None:
        """Have it set."""
        self._calls.add(self._event.set)

    def is_set(self) -> bool:
        """`Event.is_set`."""
        return bool(self._event.is_set())

    async def wait(self) -> object:
        """`Event.wait`."""
        return self._event.wait()


class Bridge:
    """A hub, seen from threads."""

    def __init__(self, calls: Calls, run_scheduler: RunScheduler) -> None:
        self._calls = calls
        self.run_scheduler = run_scheduler
        self.call_soon = calls.add

    def open_inbox(self) -> Inbox:
        """Open an inbox."""
        return Inbox(self._calls)

    def create_event(self) -> BridgeEvent:
        """Create an event."""
        return BridgeEvent(self._calls)

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        """Have the hub start a greenlet that makes the call, and wait for it."""

        async def step() -> Any:
            return fn(*args)

        return self.run(step)

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Have the hub start a greenlet, and wait for it."""
        result: Future[Any] = Future()

        async def attempt() -> None:
            try:
                value = await fn(*args)
            except BaseException as exc:
                with suppress(InvalidStateError):  # the hub ends, and the thread has been told
                    result.set_exception(exc)
            else:
                result.set_result(value)

        def start() -> None:
            greenlet = TaskGreenlet(attempt, (), getattr(fn, "__qualname__", None))
            greenlet.start()

        return self._calls.wait(result, start)

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> NoReturn:
        """Refuse."""
        del fn, args
        raise UnsupportedError("gevent has no handle of a call from a thread")

    def direct(self) -> Direct:
        """Return the members that a thread should not call."""
        return Direct()


class Direct:
    """gevent's objects. None of these calls waits."""

    def put(self, channel: SendChannel, item: object) -> None:
        """`Queue.put`."""
        drive(channel.send(item))

    def set(self, event: RuntimeEvent) -> None:
        """`Event.set`."""
        drive(event.set())

    def spawn(self, group: TaskGroup, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """`Group.start`."""
        drive(group.spawn(fn, *args))

    def cancel(self, scope: CancelScope) -> None:
        """Throw into the greenlet that is in the scope."""
        drive(scope.cancel())
