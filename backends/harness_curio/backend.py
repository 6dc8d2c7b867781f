"""Run scenarios on curio.

The promise of each method is written once, in `harness.api.runtime`; the docstrings here name curio's idiom for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import curio

from harness.api import (
    Bridge,
    Datagrams,
    ErrorKind,
    Names,
    Processes,
    Runtime,
    Servers,
    TaskSnapshot,
    Tls,
    UnhandledReport,
    UnixSockets,
)

from . import channels, introspection, streams
from .bridge import CurioBridge, RunScheduler
from .names import CurioNames
from .offload import run_in_process, run_in_thread
from .processes import CurioProcesses
from .servers import CurioServers
from .structure import CHILD, Race, Scope, TaskGroup, classify, first_completed
from .synchronisation import Condition, Event, Lock, Semaphore
from .unix import CurioUnix


class CurioRunner:
    """Runs a scenario on a fresh `curio.Kernel`, as `curio.run` does."""

    expected_scheduler = "curio.*"

    def __init__(self, options: Mapping[str, str]) -> None:
        self._runtime_class = QueueRuntime if options.get("channel") == "queue" else CurioRuntime

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)`. Crashes of tasks, which curio only logs, are reported as unhandled.

        Raises: whatever `main` raised.
        """
        with reported_crashes(unhandled), curio.Kernel() as kernel:
            runtime: Runtime = self._runtime_class(kernel, unhandled, self.run)
            kernel.run(main, runtime)


class CrashReport(logging.Handler):
    """Reports each task that curio's kernel logs as crashed; the record still goes where it went."""

    def __init__(self, unhandled: UnhandledReport) -> None:
        super().__init__(logging.ERROR)
        self._unhandled = unhandled
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Report the crash, and print it where Python prints what has no handler: this one would hide it."""
        if record.thread != self._thread:  # of a kernel in another thread, which has a handler of its own
            return
        task = record.args[0] if isinstance(record.args, tuple) and record.args else None
        group = getattr(task, "taskgroup", None)
        if not isinstance(group, Race):
            exc = record.exc_info[1] if record.exc_info else None
            self._unhandled(exc, "curio task crash" if group is None else CHILD)
        if logging.lastResort is not None and not logging.getLogger().handlers:
            logging.lastResort.handle(record)


@contextmanager
def reported_crashes(unhandled: UnhandledReport) -> Iterator[None]:
    """Report the crashes that the kernel logs."""
    logger = logging.getLogger("curio.kernel")
    handler = CrashReport(unhandled)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class CurioRuntime:
    """curio, as a scenario sees it."""

    name = "curio"

    def __init__(self, kernel: Any, unhandled: UnhandledReport, run_scheduler: RunScheduler) -> None:
        self._kernel = kernel
        self._unhandled = unhandled
        self._run_scheduler = run_scheduler

    # --- clock ---
    now = staticmethod(time.monotonic)
    sleep = staticmethod(curio.sleep)

    # `curio.sleep` itself with 0 as its default: one call more is 4 % of a switch.
    checkpoint = staticmethod(FunctionType(curio.sleep.__code__, curio.sleep.__globals__, "sleep", (0,)))

    # --- structure ---
    def open_task_group(self) -> TaskGroup:
        """`curio.TaskGroup(wait=all)`."""
        return TaskGroup(self._unhandled)

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> Scope:
        """`curio.ignore_after` for the deadline, `curio.disable_cancellation` for the shield."""
        return Scope(shield=shield) if deadline is None else Scope(deadline=deadline, shield=shield)

    fail_after = staticmethod(curio.timeout_after)

    def move_on_after(self, seconds: float) -> Scope:
        """`curio.ignore_after(seconds)`."""
        return Scope(seconds=seconds)

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`curio.timeout_after(seconds, fn, *args)`."""
        return await curio.timeout_after(seconds, fn, *args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`curio.disable_cancellation`; a cancelled caller waits."""
        async with curio.disable_cancellation():
            return await fn(*args)

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """`curio.spawn(fn, *args, daemon=True)`; tasks left when the kernel shuts down are cancelled."""
        task = await curio.spawn(fn, *args, daemon=True)
        if name is not None:
            task.name = name

    def classify(self, exc: BaseException) -> ErrorKind:
        """Map curio's errors by one table, then by errno."""
        return classify(exc, self._kernel)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`curio.CancelledError`; a `TaskTimeout` only as long as the block that it ends is not left."""
        return classify(exc, self._kernel) is ErrorKind.CANCELLED

    # --- synchronisation ---
    create_event = staticmethod(Event)
    create_lock = staticmethod(Lock)
    create_condition = staticmethod(Condition)

    def create_semaphore(self, permits: int) -> Any:
        """`curio.Semaphore(permits)`."""
        return Semaphore(permits)

    # --- channels ---
    def open_channel(self, capacity: int | None) -> channels.Ends:
        """`curio.Queue(maxsize=capacity)`; see `harness_curio.channels`."""
        return channels.open_channel(capacity)

    # --- streams ---
    listen = staticmethod(streams.listen)
    connect = staticmethod(streams.connect)

    # --- offload ---
    run_in_thread = staticmethod(run_in_thread)
    run_in_process = staticmethod(run_in_process)

    # --- select ---
    async def first_completed(self, *fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
        """`TaskGroup(wait=any)`. If the first to end failed, its error is raised, as by `TaskGroup.result`."""
        return await first_completed(fns, self._unhandled)

    # --- chapters ---
    def bridge(self) -> Bridge:
        """`curio.UniversalQueue` and `curio.UniversalEvent`."""
        return CurioBridge(self._run_scheduler)

    def servers(self) -> Servers:
        """`curio.network.run_server`."""
        return CurioServers()

    def unix(self) -> UnixSockets:
        """`curio.network.unix_server_socket` and `curio.open_unix_connection`."""
        return CurioUnix()

    def names(self) -> Names:
        """`curio.socket.getaddrinfo` and `curio.open_connection`."""
        return CurioNames()

    def processes(self) -> Processes:
        """`curio.subprocess.Popen`; see `harness_curio.processes`."""
        return CurioProcesses()

    def tls(self) -> Tls:
        """`curio.ssl`; see `harness_curio.tls`."""
        from .tls import CurioTls  # imports ssl, which few cells need

        return CurioTls()

    def datagrams(self) -> Datagrams:
        """`curio.socket`."""
        from .datagrams import CurioDatagrams  # few cells need it

        return CurioDatagrams()

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """Read the kernel's task table."""
        return introspection.read_tasks(self._kernel)

    def timers(self) -> Sequence[float]:
        """Read the sleeps and time-outs of the kernel's tasks."""
        return introspection.read_timers(self._kernel)

    def scheduler(self) -> object:
        """Return the `curio.Kernel`."""
        return self._kernel


class QueueRuntime(CurioRuntime):
    """The idiom `channel=queue`."""

    def open_channel(self, capacity: int | None) -> channels.Ends:
        """`curio.Queue(maxsize=capacity)`, as it is."""
        return channels.open_queue(capacity)
