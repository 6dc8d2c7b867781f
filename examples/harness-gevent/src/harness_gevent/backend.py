"""Run scenarios on gevent: each task is a greenlet that drives its coroutine with one `send(None)`.

The promise of each method is documented once, in `harness.api.runtime`; the docstrings here name gevent's idiom.
Nothing is monkey-patched: every wait of a scenario goes through its runtime.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import gevent
from gevent.queue import ShutDown
from greenlet import GreenletExit, getcurrent
from harness.api import (
    ErrorKind,
    Processes,
    Runtime,
    TaskSnapshot,
    UnhandledReport,
    UnsupportedError,
    classify_common,
)

from . import channels, introspection, streams, structure
from .bridge import Bridge, Calls, RunScheduler
from .offload import Failures, Offload, wait_beside
from .processes import GeventProcesses
from .scopes import Deadline, FailingScope, Scope, Task, here
from .servers import Servers
from .structure import LIVE, TaskGreenlet, TaskGroup, drive
from .synchronisation import Condition, Event, Lock, Semaphore


class GeventRunner:
    """Runs a scenario in the main greenlet, on a hub of its own."""

    expected_scheduler = "gevent.hub.Hub"

    def __init__(self, options: Mapping[str, str]) -> None:
        del options

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)` in this greenlet, and destroy the hub.

        Raises: whatever `main` raised; `LoopExit` if it waits for what nothing can bring any more.
        """
        hub = gevent.get_hub()
        show = hub.print_exception

        def report(context: Any, kind: type[BaseException], exc: BaseException, trace: Any) -> None:
            if not issubclass(kind, hub.SYSTEM_ERROR):  # those go to the main greenlet
                unhandled(exc, f"in {getattr(context, 'name', context)!r}")
            show(context, kind, exc, trace)

        hub.print_exception = report
        offload, calls = Offload(unhandled), Calls()
        here.task = Task(getcurrent(), "main")
        LIVE.add(here.task)
        try:
            drive(main(GeventRuntime(unhandled, offload, calls, self.run)))
        finally:
            del here.task
            calls.close()
            offload.close()
            hub.destroy(destroy_loop=True)


class GeventRuntime:
    """Gevent, as a scenario sees it."""

    name = "gevent"

    def __init__(self, unhandled: UnhandledReport, offload: Offload, calls: Calls, run_scheduler: RunScheduler) -> None:
        self._unhandled = unhandled
        self._calls = calls
        self._run_scheduler = run_scheduler
        self._offload = offload

    # --- clock ---
    now = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """`gevent.sleep`."""
        gevent.sleep(max(seconds, 0))

    async def checkpoint(self) -> None:
        """`gevent.sleep(0)`."""
        gevent.sleep(0)

    # --- structure ---
    def open_task_group(self) -> TaskGroup:
        """`gevent.pool.Group`."""
        return TaskGroup()

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> Scope:
        """See `harness_gevent.scopes`; a shield is declared absent."""
        if shield:
            raise UnsupportedError("gevent cannot shield a block: an exception thrown into a greenlet arrives")
        scope = Scope(None if deadline is None else max(deadline - self.now(), 0))
        if deadline is not None and deadline <= self.now():
            scope.cancel_at_entry()
        return scope

    def fail_after(self, seconds: float) -> FailingScope:
        """`with gevent.Timeout(seconds)`."""
        return FailingScope(seconds)

    def move_on_after(self, seconds: float) -> Scope:
        """`with gevent.Timeout(seconds, False)`."""
        return Scope(seconds)

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`gevent.with_timeout`, which is the block around the call."""
        async with self.fail_after(seconds):
            return await fn(*args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """A greenlet of its own; a cancelled caller leaves it running."""
        failures: Failures = []

        async def attempt() -> Any:
            try:
                return await fn(*args)
            except BaseException as exc:
                failures.append(exc)

        greenlet = TaskGreenlet(attempt, (), getattr(fn, "__qualname__", None))
        greenlet.start()
        return wait_beside(greenlet, failures, self._unhandled, "run_shielded")

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """`gevent.spawn`; the end of the run ends it."""
        TaskGreenlet(fn, args, name).start()

    def classify(self, exc: BaseException) -> ErrorKind:
        """Tell what gevent throws; a time-out is a cancellation until it has left its block."""
        if isinstance(exc, GreenletExit):
            return ErrorKind.CANCELLED
        if isinstance(exc, gevent.Timeout):
            return ErrorKind.CANCELLED if isinstance(exc, Deadline) and not exc.left else ErrorKind.DEADLINE
        return ErrorKind.END_OF_CHANNEL if isinstance(exc, ShutDown) else classify_common(exc)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`GreenletExit`, or a `Timeout` on its way to its block."""
        return self.classify(exc) is ErrorKind.CANCELLED

    # --- synchronisation ---
    def create_event(self) -> Event:
        """`gevent.event.Event`."""
        return Event()

    def create_lock(self) -> Lock:
        """`gevent.lock.BoundedSemaphore(1)`."""
        return Lock()

    def create_semaphore(self, permits: int) -> Semaphore:
        """`gevent.lock.Semaphore`."""
        return Semaphore(permits)

    def create_condition(self) -> Condition:
        """As `threading.Condition`, on a gevent lock."""
        return Condition()

    # --- channels ---
    def open_channel(self, capacity: int | None) -> channels.Ends:
        """`gevent.queue.Queue`, and `gevent.queue.Channel` for 0."""
        return channels.open_channel(capacity)

    # --- streams ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> streams.Listener:
        """`gevent.socket`, bound and listening."""
        return streams.listen(host, port, backlog, reuse_port=reuse_port)

    async def connect(self, host: str, port: int, *, source: str | None = None) -> streams.ByteStream:
        """`gevent.socket.socket.connect`."""
        return streams.connect(host, port, source)

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """`hub.threadpool.spawn(fn).get()`; a cancelled caller leaves it running."""
        return self._offload.in_thread(fn, args)

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """A `ProcessPoolExecutor` (spawn)."""
        return self._offload.in_process(fn, args)

    # --- select ---
    async def first_completed(self, *fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
        """A greenlet for each function; the first that ends kills the others."""
        return await structure.first_completed(fns, self._unhandled)

    # --- chapters ---
    def bridge(self) -> Bridge:
        """An `async_` watcher of the hub."""
        self._calls.start()
        return Bridge(self._calls, self._run_scheduler)

    def servers(self) -> Servers:
        """`gevent.server.StreamServer`."""
        return Servers()

    def processes(self) -> Processes:
        """`gevent.subprocess`."""
        return GeventProcesses()

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """Read the stack of each greenlet that drives a task."""
        return introspection.read_tasks(tuple(LIVE))

    def timers(self) -> Sequence[float]:
        """Read the active timers of the loop."""
        return introspection.read_timers()

    def scheduler(self) -> object:
        """Return the hub."""
        return gevent.get_hub()
