"""The calls open to a foreign thread: all. There is no scheduler to hand a call over to, so it makes the call itself.

`submit` is the exception: a thread that does not want to wait hands the call to a `ThreadPoolExecutor`.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from harness.api import CancelScope, Event, Runtime, SendChannel, TaskGroup, UnhandledReport

from . import channels, synchronisation
from .scopes import Task, here
from .structure import drive

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

RunScheduler = Callable[[Callable[[Runtime], Awaitable[Any]], UnhandledReport], None]
"""Runs a main function and its tasks, in the calling thread."""


class Inbox:
    """An unbounded channel, as `queue.Queue`."""

    __slots__ = ("_sender", "receive")

    def __init__(self) -> None:
        sender, receiver = channels.open_channel(None)
        self._sender: SendChannel = sender
        self.receive = receiver.receive

    def put(self, item: object) -> None:
        """Put, which never waits in a channel without bounds."""
        drive(self._sender.send(item))


class BridgeEvent:
    """As `threading.Event`."""

    __slots__ = ("_event", "is_set", "wait")

    def __init__(self) -> None:
        self._event = synchronisation.Event()
        self.is_set = self._event.is_set
        self.wait = self._event.wait

    def set(self) -> None:
        """Set the flag."""
        drive(self._event.set())


class Pool:
    """The `ThreadPoolExecutor` of one run, once it is needed."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._mutex = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[..., Awaitable[Any]], args: tuple[object, ...]) -> Future[Any]:
        """`ThreadPoolExecutor.submit`."""
        with self._mutex:
            if self._closed:
                raise RuntimeError("cannot submit a job: the run has ended")
            if self._executor is None:
                from concurrent.futures import ThreadPoolExecutor  # a worker that needs no pool does not load it

                self._executor = ThreadPoolExecutor()
            return self._executor.submit(run_here, fn, *args)

    def close(self) -> None:
        """Wait for the jobs, as `with ThreadPoolExecutor()` does."""
        with self._mutex:
            self._closed = True
        if self._executor is not None:
            self._executor.shutdown()


class Bridge:
    """The runtime, as a thread sees it that is no task."""

    def __init__(self, pool: Pool, run_scheduler: RunScheduler) -> None:
        self._pool = pool
        self.run_scheduler = run_scheduler

    def open_inbox(self) -> Inbox:
        """Open an inbox."""
        return Inbox()

    def create_event(self) -> BridgeEvent:
        """Create an event."""
        return BridgeEvent()

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        """Call it."""
        fn(*args)

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        """Call it."""
        return fn(*args)

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Run it in this thread."""
        return run_here(fn, *args)

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Future[Any]:
        """Have a thread of a pool run it."""
        return self._pool.submit(fn, args)

    def direct(self) -> Direct:
        """Return the calls open to a thread, which are all."""
        return Direct()


class Direct:
    """The objects themselves, which are made for threads."""

    def put(self, channel: SendChannel, item: object) -> None:
        """`Queue.put`."""
        drive(channel.send(item))

    def set(self, event: Event) -> None:
        """`Event.set`."""
        drive(event.set())

    def spawn(self, group: TaskGroup, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """`Thread.start`."""
        drive(group.spawn(fn, *args))

    def cancel(self, scope: CancelScope) -> None:
        """Set the flag of the scope, and wake what waits in it."""
        drive(scope.cancel())


def run_here(fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
    """Run a coroutine in this thread, which becomes a task for as long, unless it is one."""
    if "task" in vars(here):
        return drive(fn(*args))
    here.task = task = Task(getattr(fn, "__qualname__", None) or repr(fn))
    try:
        return drive(fn(*args))
    finally:
        del here.task
        task.close()
