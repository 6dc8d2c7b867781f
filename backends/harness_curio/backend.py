"""Run scenarios on curio.

What a method promises is said once, in `harness.api.runtime`; the docstrings here name curio's idiom for it.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import curio

from harness.api import Bridge, ErrorKind, Processes, Runtime, Servers, UnhandledReport, classify_common

from . import channels
from .bridge import CurioBridge, RunScheduler
from .processes import CurioProcesses
from .servers import CurioServers
from .structure import CHILD, Scope, TaskGroup, join_all

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""


class CurioRunner:
    """Runs a scenario on a fresh `curio.Kernel`, as `curio.run` does."""

    expected_scheduler = "curio.*"

    def __init__(self, options: Mapping[str, str]) -> None:
        self._runtime_class = QueueRuntime if options.get("channel") == "queue" else CurioRuntime

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)`. Crashes of tasks, which curio only logs, are reported as unhandled.

        Raises: whatever `main` raised.
        """
        with _reported_crashes(unhandled), curio.Kernel() as kernel:
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
        if not isinstance(group, _Race):
            exc = record.exc_info[1] if record.exc_info else None
            self._unhandled(exc, "curio task crash" if group is None else CHILD)
        if logging.lastResort is not None and not logging.getLogger().handlers:
            logging.lastResort.handle(record)


@contextmanager
def _reported_crashes(unhandled: UnhandledReport) -> Iterator[None]:
    logger = logging.getLogger("curio.kernel")
    handler = CrashReport(unhandled)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# --- structure ---


_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (curio.CancelledError, ErrorKind.CANCELLED),
    (curio.ResourceBusy, ErrorKind.BUSY),
)


# --- sockets ---


class _ByteStream:
    __slots__ = ("_sock",)

    # Looked up by C at each call: bound methods kept in each stream cost the collector more than this.
    send_all = property(attrgetter("_sock.sendall"))
    receive_some = property(attrgetter("_sock.recv"))
    aclose = property(attrgetter("_sock.close"))

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    async def send_eof(self) -> None:
        await self._sock.shutdown(socket.SHUT_WR)

    async def abort(self) -> None:
        if self._sock.fileno() == -1:
            return
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await self._sock.close()


class _Listener:
    __slots__ = ("_accept", "aclose", "address")

    def __init__(self, sock: Any) -> None:
        host, port, *_ = sock.getsockname()
        self.address: tuple[str, int] = (host, port)
        self._accept = sock.accept
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = sock.close

    async def accept(self) -> _ByteStream:
        client, _ = await self._accept()
        return _ByteStream(client)


# --- select ---


class _Race(curio.TaskGroup):  # type: ignore[misc]  # curio has no types
    """The group of `first_completed`, which looks at its crashes itself."""


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
        """`curio.spawn(fn, *args, daemon=True)`; what is left when the kernel shuts down is cancelled."""
        task = await curio.spawn(fn, *args, daemon=True)
        if name is not None:
            task.name = name

    def classify(self, exc: BaseException) -> ErrorKind:
        """Map curio's errors by one table, then by errno."""
        if isinstance(exc, curio.TaskTimeout) and not self._is_expiring(exc):
            return ErrorKind.DEADLINE
        for cls, kind in _KINDS:
            if isinstance(exc, cls):
                return kind
        return classify_common(exc)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`curio.CancelledError`; a `TaskTimeout` only as long as the block that it ends is not left."""
        return self.classify(exc) is ErrorKind.CANCELLED

    def _is_expiring(self, timeout: BaseException) -> bool:
        """Return whether a block around the running task has still to be ended by this timeout.

        curio has one class for "this wait is cancelled, leave the block" and "the block ran into its timeout", and
        tells them apart in the same way: the exception carries the clock, the task its open deadlines.
        """
        task = self._running_task()
        return task is not None and any(deadline <= timeout.args[0] for deadline in task._deadlines)  # noqa: SLF001

    def _running_task(self) -> Any:
        # The trap's only free variable is the kernel's running task; asking by trap would need an await.
        trap = self._kernel._traps["trap_get_current"]  # noqa: SLF001
        return trap.__closure__[0].cell_contents

    # --- synchronisation ---
    create_event = staticmethod(curio.Event)
    create_lock = staticmethod(curio.Lock)
    create_condition = staticmethod(curio.Condition)

    def create_semaphore(self, permits: int) -> Any:
        """`curio.Semaphore(permits)`."""
        return curio.Semaphore(permits)

    # --- channels ---
    def open_channel(self, capacity: int | None) -> channels.Ends:
        """`curio.Queue(maxsize=capacity)`; see `harness_curio.channels`."""
        return channels.open_channel(capacity)

    # --- sockets ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> _Listener:
        """`curio.tcp_server_socket(host, port)`; curio's default backlog is 100."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        chosen = {} if backlog is None else {"backlog": backlog}
        return _Listener(curio.tcp_server_socket(host, port, family, reuse_port=reuse_port, **chosen))

    async def connect(self, host: str, port: int, *, source: str | None = None) -> _ByteStream:
        """`curio.open_connection(host, port, source_addr=)`."""
        source_address = None if source is None else (source, 0)
        return _ByteStream(await curio.open_connection(host, port, source_addr=source_address))

    # --- offload ---
    run_in_thread = staticmethod(curio.run_in_thread)
    run_in_process = staticmethod(curio.run_in_process)

    # --- select ---
    async def first_completed(self, *fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
        """`TaskGroup(wait=any)`. If the first to end failed, its error is raised, as by `TaskGroup.result`."""
        completed: list[tuple[int, Any]] = []

        async def attempt(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
            result = await fn()
            completed.append((index, result))

        group = _Race(wait=any)
        try:
            async with group:
                for index, fn in enumerate(fns):
                    await group.spawn(attempt, index, fn)
        finally:
            await join_all((), group)
            self._report_losers(group)
        if group.exception is not None:
            raise group.exception
        return completed

    def _report_losers(self, group: _Race) -> None:
        for task in group.tasks:
            failed = task.exception is not None and not isinstance(task.exception, curio.CancelledError)
            if failed and task is not group.completed:
                self._unhandled(task.exception, "loser of a curio TaskGroup(wait=any)")

    # --- chapters ---
    def bridge(self) -> Bridge:
        """`curio.UniversalQueue` and `curio.UniversalEvent`."""
        return CurioBridge(self._run_scheduler)

    def servers(self) -> Servers:
        """`curio.network.run_server`."""
        return CurioServers(_ByteStream)

    def processes(self) -> Processes:
        """`curio.subprocess.Popen`; see `harness_curio.processes`."""
        return CurioProcesses()

    # --- introspection ---
    def dump_tasks(self) -> Sequence[str]:
        """Read the kernel's task table."""
        try:
            return [_describe(task) for task in tuple(self._kernel._tasks.values())]  # noqa: SLF001
        except Exception as exc:  # noqa: BLE001 - a dump of a broken run must not break it further
            return [f"(the task table cannot be read: {exc!r})"]

    def scheduler(self) -> object:
        """Return the `curio.Kernel`."""
        return self._kernel


class QueueRuntime(CurioRuntime):
    """The idiom `channel=queue`."""

    def open_channel(self, capacity: int | None) -> channels.Ends:
        """`curio.Queue(maxsize=capacity)`, as it is."""
        return channels.open_queue(capacity)


def _describe(task: Any) -> str:
    inside = Path(curio.__file__).parent
    own = [frame for frame in _frames(task.coro) if inside not in Path(frame.f_code.co_filename).parents]
    where = f" in {own[-1].f_code.co_qualname} ({own[-1].f_code.co_filename}:{own[-1].f_lineno})" if own else ""
    return f"{task.name} (id {task.id}, parent {task.parentid}): {task.state}{where}"


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Yield the frames of a chain of awaits, outermost first."""
    while awaited is not None:
        for kind, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if hasattr(awaited, following):
                frame = getattr(awaited, f"{kind}_frame")
                awaited = getattr(awaited, following)
                break
        else:
            return
        if frame is not None:
            yield frame
