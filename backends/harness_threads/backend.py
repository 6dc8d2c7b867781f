"""Run scenarios on raw threads: each task is an OS thread that drives its coroutine with one `send(None)`.

The promise of each method is in `harness.api.runtime`; the docstrings here name the idiom of threads for it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from harness import api
from harness.api import ErrorKind, Runtime, TaskSnapshot, UnhandledReport

from . import channels, introspection, streams, structure
from .bridge import Bridge, Pool
from .offload import Offload
from .scopes import NEVER, Cancelled, FailingScope, Scope, Task, Waiter, here
from .structure import TaskGroup, drive
from .synchronisation import Condition, Event, Lock, Semaphore


class ThreadsRunner:
    """Runs a scenario in the main thread and the threads that it starts."""

    expected_scheduler = "threading.*"

    def __init__(self, options: Mapping[str, str]) -> None:
        self._shutdown = options.get("close", "close") == "shutdown"
        self._runtime_class = QueueRuntime if options.get("channel") == "queue" else ThreadsRuntime

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)` in this thread.

        Raises: whatever `main` raised; `ForeignAwaitError` if it awaited what did not come from its runtime.
        """
        offload, pool = Offload(unhandled), Pool()
        bridge = Bridge(pool, self.run)
        here.task = task = Task("main")
        try:
            drive(main(self._runtime_class(unhandled, offload, bridge, shutdown=self._shutdown)))
        finally:
            del here.task
            task.close()
            pool.close()
            # Jobs run in daemonic threads, which Ctrl-C leaves to the end of the process.
            offload.close(wait=not isinstance(sys.exc_info()[1], KeyboardInterrupt))


class ThreadsRuntime:
    """Raw threads, as a scenario sees them."""

    name = "threads"

    def __init__(self, unhandled: UnhandledReport, offload: Offload, bridge: Bridge, *, shutdown: bool) -> None:
        self._unhandled = unhandled
        self._offload = offload
        self._bridge = bridge
        self._shutdown = shutdown

    # --- clock ---
    now = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """`time.sleep`, or in a cancel scope a lock that only a canceller releases."""
        task = here.task
        if task.scope is None:
            time.sleep(max(seconds, 0))  # noqa: ASYNC251 - blocking is what this backend does
        elif seconds <= 0:
            await self.checkpoint()
        else:
            until = time.monotonic() + seconds
            alone: deque[Waiter] = deque()
            waiter = Waiter(alone)
            alone.append(waiter)
            task.park(waiter, until)

    async def checkpoint(self) -> None:
        """`os.sched_yield`, which gives up the interpreter lock too."""
        here.task.check()
        os.sched_yield()

    # --- structure ---
    def open_task_group(self) -> TaskGroup:
        """A `threading.Thread` for each task, joined at the end."""
        return TaskGroup(self._unhandled)

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> Scope:
        """An emulated scope; see `harness_threads.scopes`."""
        return Scope("cancel scope", NEVER if deadline is None else deadline, shield=shield)

    def fail_after(self, seconds: float) -> FailingScope:
        """An emulated scope that raises `DeadlineExceeded`."""
        return FailingScope(f"fail_after({seconds:g})", time.monotonic() + seconds)

    def move_on_after(self, seconds: float) -> Scope:
        """An emulated scope with a deadline."""
        return Scope(f"move_on_after({seconds:g})", time.monotonic() + seconds)

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """An emulated scope that raises `DeadlineExceeded`."""
        async with self.fail_after(seconds):
            return await fn(*args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """An emulated shield; a cancelled caller waits."""
        async with Scope("shield", shield=True):
            return await fn(*args)

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """A daemonic `threading.Thread`; the end of the run does not touch it, the end of the process ends it."""
        structure.start_detached(fn, args, name, self._unhandled)

    classify = staticmethod(structure.classify)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`harness_threads.scopes.Cancelled`."""
        return isinstance(exc, Cancelled)

    # --- synchronisation ---
    def create_event(self) -> Event:
        """As `threading.Event`."""
        return Event()

    def create_lock(self) -> Lock:
        """`threading.Lock`, with a waiting room beside it."""
        return Lock()

    def create_semaphore(self, permits: int) -> Semaphore:
        """As `threading.Semaphore`."""
        return Semaphore(permits)

    def create_condition(self) -> Condition:
        """As `threading.Condition(threading.Lock())`."""
        return Condition()

    # --- channels ---
    def open_channel(self, capacity: int | None) -> channels.Ends:
        """As `queue.Queue`, with an end; 0 is a real rendezvous."""
        return channels.open_channel(capacity)

    # --- streams ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> streams.Listener:
        """`socket.create_server`."""
        return streams.listen(host, port, backlog, reuse_port=reuse_port, shutdown=self._shutdown)

    async def connect(self, host: str, port: int, *, source: str | None = None) -> streams.ByteStream:
        """`socket.connect`."""
        return streams.connect(host, port, source, shutdown=self._shutdown)

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """A thread for this call; a cancelled caller leaves it running."""
        return self._offload.in_thread(fn, args)

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """A `ProcessPoolExecutor` (spawn)."""
        return self._offload.in_process(fn, args)

    # --- select ---
    async def first_completed(self, *fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
        """A thread for each function; the first that ends cancels the scope of the others."""
        return await structure.first_completed(fns, self._unhandled)

    # --- chapters ---
    def bridge(self) -> api.Bridge:
        """The calls open to a foreign thread, which are all."""
        return self._bridge

    def servers(self) -> api.Servers:
        """`socketserver.ThreadingTCPServer`."""
        from .servers import Servers  # a tenth of a worker's start

        return Servers(self._unhandled)

    def unix(self) -> api.UnixSockets:
        """Sockets of the family AF_UNIX."""
        from .unix import ThreadsUnix  # few cells need it

        return ThreadsUnix(self.sleep, shutdown=self._shutdown)

    def names(self) -> api.Names:
        """`socket.getaddrinfo`."""
        from .names import ThreadsNames  # few cells need it

        return ThreadsNames(shutdown=self._shutdown)

    def processes(self) -> api.Processes:
        """`subprocess.Popen`; see `harness_threads.processes`."""
        from .processes import ThreadsProcesses  # imports subprocess, which few cells need

        return ThreadsProcesses()

    def tls(self) -> api.Tls:
        """`ssl.SSLContext.wrap_socket`; see `harness_threads.tls`."""
        from .tls import ThreadsTls  # imports ssl, which few cells need

        return ThreadsTls(shutdown=self._shutdown)

    def datagrams(self) -> api.Datagrams:
        """Return endpoints on `socket`."""
        from .datagrams import Datagrams  # few cells need it

        return Datagrams(shutdown=self._shutdown)

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """Read the frames of each thread that drives a coroutine."""
        return introspection.read_tasks()

    def timers(self) -> Sequence[float]:
        """Read the ends of sleeps, and the deadlines of the scopes around each task."""
        return introspection.read_timers()

    def scheduler(self) -> object:
        """Return the main thread: what schedules is the operating system."""
        return threading.main_thread()


class QueueRuntime(ThreadsRuntime):
    """The idiom `channel=queue`."""

    def open_channel(self, capacity: int | None) -> channels.Ends:
        """`queue.Queue(capacity)`, as it is."""
        return channels.open_queue(capacity)

    @staticmethod
    def classify(exc: BaseException) -> ErrorKind:
        """Classify the exceptions of a queue that was shut down, too."""
        return ErrorKind.END_OF_CHANNEL if isinstance(exc, channels.SHUT_DOWN) else structure.classify(exc)
