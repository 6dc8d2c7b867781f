"""Run scenarios on anyio, which runs on asyncio or trio.

The promise of each method is written once, in `harness.api.runtime`; the docstrings here name anyio's idiom for it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
from harness.api import Processes, Runtime, Servers, TaskSnapshot, UnhandledReport, UnsupportedError

from . import channels, streams
from .foundation import Foundation, find_foundation
from .processes import AnyioProcesses
from .servers import AnyioServers
from .structure import CancelScope, Deadline, TaskGroup, classify, first_completed
from .synchronisation import Condition, Event, Lock, Semaphore


class AnyioRunner:
    """Runs a scenario with `anyio.run`."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._on = options.get("on", "asyncio")
        self.expected_scheduler = f"{self._on}.*"

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)`.

        Raises: whatever `main` raised; from a task group that is an exception group.
        """

        async def attend() -> None:
            foundation = find_foundation()
            foundation.report_unhandled(unhandled)
            await main(AnyioRuntime(foundation))

        anyio.run(attend, backend=self._on)


class AnyioRuntime:
    """anyio, as a scenario sees it."""

    name = "anyio"

    def __init__(self, foundation: Foundation) -> None:
        self._foundation = foundation
        self._cancelled = anyio.get_cancelled_exc_class()

    # --- clock ---
    now = staticmethod(anyio.current_time)
    sleep = staticmethod(anyio.sleep)
    checkpoint = staticmethod(anyio.lowlevel.checkpoint)

    # --- structure ---
    def open_task_group(self) -> TaskGroup:
        """`anyio.create_task_group()`."""
        return TaskGroup(anyio.create_task_group())

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> CancelScope:
        """`anyio.CancelScope(deadline=, shield=)`."""
        return CancelScope(anyio.CancelScope(deadline=math.inf if deadline is None else deadline, shield=shield))

    def fail_after(self, seconds: float) -> Deadline:
        """`anyio.fail_after(seconds)`."""
        return Deadline(anyio.fail_after(seconds))

    def move_on_after(self, seconds: float) -> CancelScope:
        """`anyio.move_on_after(seconds)`."""
        return CancelScope(anyio.move_on_after(seconds))

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`anyio.fail_after(seconds)`."""
        with anyio.fail_after(seconds):
            return await fn(*args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`anyio.CancelScope(shield=True)`; a cancelled caller waits."""
        with anyio.CancelScope(shield=True):
            return await fn(*args)

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """Refuse: every task of anyio has a task group."""
        del fn, args, name
        raise UnsupportedError("anyio has no task without a task group")

    classify = staticmethod(classify)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`anyio.get_cancelled_exc_class()`."""
        return isinstance(exc, self._cancelled)

    # --- synchronisation ---
    create_event = Event
    create_lock = Lock
    create_semaphore = Semaphore
    create_condition = Condition

    # --- channels ---
    open_channel = staticmethod(channels.open_channel)

    # --- streams ---
    listen = staticmethod(streams.listen)
    connect = staticmethod(streams.connect)

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """`anyio.to_thread.run_sync`."""
        return await anyio.to_thread.run_sync(fn, *args)

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """Refuse: `anyio.to_process` does not work in a program that was started with `-m`, as each cell is."""
        del fn, args
        raise UnsupportedError("anyio.to_process imports the main module by its path")

    # --- select ---
    first_completed = staticmethod(first_completed)

    # --- chapters ---
    def servers(self) -> Servers:
        """`SocketListener.serve`."""
        return AnyioServers()

    def processes(self) -> Processes:
        """`anyio.open_process`."""
        return AnyioProcesses()

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """Ask the runtime below, and read the waits from anyio's frames."""
        return self._foundation.tasks()

    def timers(self) -> Sequence[float]:
        """Ask the runtime below."""
        return self._foundation.timers()

    def scheduler(self) -> object:
        """Return the scheduler of the runtime below."""
        return self._foundation.scheduler
