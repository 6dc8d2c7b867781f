"""The runtime that anyio stands on: its scheduler, tasks and timers, which anyio itself does not show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from anyio.lowlevel import current_token
from harness.api import Resource, TaskSnapshot, UnhandledReport, Wait, WaitTable

_BACKENDS = ("anyio._backends._asyncio", "anyio._backends._trio")
_WAITS = WaitTable(
    {},
    {
        **{f"{module}:Lock.acquire": Wait.LOCK for module in _BACKENDS},
        **{f"{module}:Semaphore.acquire": Wait.SEMAPHORE for module in _BACKENDS},
        **{f"{module}:CapacityLimiter.acquire_on_behalf_of": Wait.SEMAPHORE for module in _BACKENDS},
        **{f"{module}:SocketStream.receive": Wait.READ for module in _BACKENDS},
        **{f"{module}:SocketStream.send": Wait.WRITE for module in _BACKENDS},
        **{f"{module}:TCPSocketListener.accept": Wait.ACCEPT for module in _BACKENDS},
        **{f"{module}:Process.wait": Wait.CHILD for module in _BACKENDS},
        **{f"{module}:TaskGroup.__aexit__": Wait.TASKS for module in _BACKENDS},
        "anyio._core._synchronization:Condition.wait": Wait.CONDITION,
        "anyio.streams.memory:MemoryObjectReceiveStream.receive": Wait.RECEIVE,
        "anyio.streams.memory:MemoryObjectSendStream.send": Wait.SEND,
        "anyio._core._sockets:connect_tcp": Wait.CONNECT,
        "anyio.to_thread:run_sync": Wait.THREAD,
    },
)
"""All of them decide wherever they stand: below are the frames of the runtime that anyio stands on."""
_WITH_OBJECT = frozenset({Wait.LOCK, Wait.SEMAPHORE, Wait.CONDITION, Wait.RECEIVE, Wait.SEND})


class Foundation(Protocol):
    """The runtime below a run of anyio."""

    scheduler: Any
    """The event loop, or trio's runner."""

    def report_unhandled(self, report: UnhandledReport) -> None:
        """Have errors that no task awaits reported."""

    def tasks(self) -> Sequence[TaskSnapshot]:
        """Return the live tasks."""

    def timers(self) -> Sequence[float]:
        """Return when its timers are due."""


def find_foundation() -> Foundation:
    """Return that of the run which calls."""
    return _Trio() if "trio" in current_token().backend_class.__name__.lower() else _Asyncio()


class _Asyncio:
    def __init__(self) -> None:
        import asyncio

        from harness_asyncio import introspection

        self.scheduler = asyncio.get_running_loop()
        self._introspection = introspection

    def report_unhandled(self, report: UnhandledReport) -> None:
        self.scheduler.set_exception_handler(
            lambda _, context: report(context.get("exception"), context.get("message", ""))
        )

    def tasks(self) -> Sequence[TaskSnapshot]:
        return [_in_words_of_anyio(task) for task in self._introspection.read_tasks(self.scheduler)]

    def timers(self) -> Sequence[float]:
        return self._introspection.read_timers(self.scheduler)


class _Trio:
    def __init__(self) -> None:
        import trio
        from harness_trio import introspection
        from trio._core._run import GLOBAL_RUN_CONTEXT

        self.scheduler = GLOBAL_RUN_CONTEXT.runner
        self._root = trio.lowlevel.current_root_task()
        self._introspection = introspection

    def report_unhandled(self, report: UnhandledReport) -> None:
        del report  # trio loses no exception

    def tasks(self) -> Sequence[TaskSnapshot]:
        return [_in_words_of_anyio(task) for task in self._introspection.read_tasks(self._root)]

    def timers(self) -> Sequence[float]:
        return self._introspection.read_timers(self.scheduler)


def _in_words_of_anyio(task: TaskSnapshot) -> TaskSnapshot:
    if task.frames and task.frames[-1].f_code.co_name == "_run_coro":  # anyio's own, around what has not started
        return TaskSnapshot(name=task.name, depth=task.depth)
    wait, frame = _WAITS.find(task.frames)
    if wait is None or frame is None:
        return task
    on = frame.f_locals.get("self") if wait in _WITH_OBJECT else None
    fields = {name: getattr(task, name) for name in ("name", "frames", "holds", "deadline", "depth")}
    return TaskSnapshot(**fields, waits_for=wait, on=None if on is None else Resource.of(on))
