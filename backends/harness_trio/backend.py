"""Run scenarios on trio.

The promise of each method is written once, in `harness.api.runtime`; the docstrings here name trio's idiom for it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import trio
from trio._core._run import GLOBAL_RUN_CONTEXT

from harness.api import (
    Bridge,
    Datagrams,
    Names,
    Processes,
    Runtime,
    Servers,
    TaskSnapshot,
    Tls,
    UnhandledReport,
    UnixSockets,
    UnsupportedError,
)

from . import channels, introspection, streams
from .bridge import RunScheduler, TrioBridge
from .names import TrioNames
from .offload import Offload
from .processes import TrioProcesses
from .servers import TrioServers
from .structure import CancelScope, Deadline, TaskGroup, classify, first_completed
from .synchronisation import Condition, Event, Lock, Semaphore
from .unix import TrioUnix


class TrioRunner:
    """Runs a scenario with `trio.run`."""

    expected_scheduler = "trio.*"

    def __init__(self, options: Mapping[str, str]) -> None:
        self._abandon = options.get("offload", "wait") == "abandon"

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)`. Nothing is reported as unhandled: trio loses no exception.

        Raises: whatever `main` raised; from a nursery that is an exception group, as trio's default is.
        """
        del unhandled
        with ExitStack() as after:
            trio.run(self._attend, main, after)

    async def _attend(self, main: Callable[[Runtime], Awaitable[None]], after: ExitStack) -> None:
        await main(TrioRuntime(after, self.run, abandon_on_cancel=self._abandon))


class TrioRuntime:
    """trio, as a scenario sees it. It puts objects to be closed after `trio.run` on the stack `after`."""

    name = "trio"

    def __init__(self, after: ExitStack, run_scheduler: RunScheduler, *, abandon_on_cancel: bool) -> None:
        offload = Offload(after, abandon_on_cancel=abandon_on_cancel)
        self.run_in_thread: Callable[..., Coroutine[Any, Any, Any]] = offload.in_thread
        self.run_in_process: Callable[..., Coroutine[Any, Any, Any]] = offload.in_process
        self._run_scheduler = run_scheduler
        self._runner = GLOBAL_RUN_CONTEXT.runner
        self._root = trio.lowlevel.current_root_task()

    # --- clock ---
    now = staticmethod(trio.current_time)
    sleep = staticmethod(trio.sleep)
    checkpoint = staticmethod(trio.lowlevel.checkpoint)

    # --- structure ---
    def open_task_group(self) -> TaskGroup:
        """`trio.open_nursery()`, with trio's default of strict exception groups."""
        return TaskGroup(trio.open_nursery())

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> CancelScope:
        """`trio.CancelScope(deadline=, shield=)`."""
        return CancelScope(trio.CancelScope(deadline=math.inf if deadline is None else deadline, shield=shield))

    def fail_after(self, seconds: float) -> Deadline:
        """`trio.fail_after(seconds)`."""
        return Deadline(trio.fail_after(seconds))

    def move_on_after(self, seconds: float) -> CancelScope:
        """`trio.move_on_after(seconds)`."""
        return CancelScope(trio.move_on_after(seconds))

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`trio.fail_after(seconds)`."""
        with trio.fail_after(seconds):
            return await fn(*args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`trio.CancelScope(shield=True)`; a cancelled caller waits."""
        with trio.CancelScope(shield=True):
            return await fn(*args)

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """Refuse: every task of trio has a nursery, and what has none is trio's own."""
        del fn, args, name
        raise UnsupportedError("trio has no task without a nursery")

    classify = staticmethod(classify)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`trio.Cancelled`."""
        return isinstance(exc, trio.Cancelled)

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
    # `run_in_thread` and `run_in_process` are the methods of `Offload`, set above.

    # --- select ---
    first_completed = staticmethod(first_completed)

    # --- chapters ---
    def bridge(self) -> Bridge:
        """`trio.from_thread` and the run's `TrioToken`."""
        return TrioBridge(self._run_scheduler)

    def servers(self) -> Servers:
        """`trio.serve_listeners`."""
        return TrioServers()

    def unix(self) -> UnixSockets:
        """`trio.open_unix_socket` and `trio.SocketListener`."""
        return TrioUnix()

    def names(self) -> Names:
        """`trio.socket.getaddrinfo` and `trio.open_tcp_stream`."""
        return TrioNames()

    def processes(self) -> Processes:
        """`trio.lowlevel.open_process`; see `harness_trio.processes`."""
        return TrioProcesses()

    def tls(self) -> Tls:
        """`trio.SSLStream`; see `harness_trio.tls`."""
        from .tls import TrioTls  # imports ssl, which few cells need

        return TrioTls()

    def datagrams(self) -> Datagrams:
        """`trio.socket`."""
        from .datagrams import TrioDatagrams  # few cells need it

        return TrioDatagrams()

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """Walk the nurseries from the root task."""
        return introspection.read_tasks(self._root)

    def timers(self) -> Sequence[float]:
        """Read the nearest deadline of the run."""
        return introspection.read_timers(self._runner)

    def scheduler(self) -> object:
        """Trio's runner; there is no public name for it."""
        return self._runner
