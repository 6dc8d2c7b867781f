"""What curio knows about its tasks, and what their frames show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.api import Resource, TaskSnapshot, Wait, WaitTable, frames_of_coroutine

_WAITS = WaitTable(
    {
        "curio.sync:Lock.acquire": Wait.LOCK,
        "curio.sync:Semaphore.acquire": Wait.SEMAPHORE,
        "curio.sync:Event.wait": Wait.EVENT,
        "curio.sync:Condition.wait": Wait.CONDITION,
        "curio.queue:QueueBase.get": Wait.RECEIVE,
        "curio.queue:QueueBase.put": Wait.SEND,
        "harness_curio.channels:_Rendezvous.get": Wait.RECEIVE,
        "harness_curio.channels:_Rendezvous.put": Wait.SEND,
        "curio.time:sleep": Wait.TIMER,
        "curio.io:Socket.recv": Wait.READ,
        "curio.io:Socket.sendall": Wait.WRITE,
        "curio.io:Socket.accept": Wait.ACCEPT,
        "curio.io:Socket.connect": Wait.CONNECT,
        "curio.network:open_connection": Wait.CONNECT,
        "curio.workers:run_in_thread": Wait.THREAD,
        "curio.subprocess:Popen.wait": Wait.CHILD,
    },
    {
        "curio.workers:run_in_process": Wait.CHILD,
        "curio.task:TaskGroup.__aexit__": Wait.TASKS,
        "curio.task:TaskGroup.join": Wait.TASKS,
        "curio.task:Task.join": Wait.TASKS,
        "curio.task:Task.wait": Wait.TASKS,
    },
)
_WITH_OBJECT = frozenset({Wait.LOCK, Wait.SEMAPHORE, Wait.EVENT, Wait.CONDITION, Wait.RECEIVE, Wait.SEND})


def read_tasks(kernel: Any) -> Sequence[TaskSnapshot]:
    """Describe each task in the kernel's task table."""
    return [_describe(task) for task in tuple(kernel._tasks.values())]  # noqa: SLF001 - there is no public way


def read_timers(kernel: Any) -> Sequence[float]:
    """Return when sleeps and time-outs of tasks end, which are all the timers that a kernel has."""
    tasks = tuple(kernel._tasks.values())  # noqa: SLF001
    return [end for task in tasks for end in (task.sleep, task.timeout) if isinstance(end, float)]


def running_task(kernel: Any) -> Any:
    """Return the task that runs; nothing between two tasks."""
    # The trap's only free variable is the kernel's running task; asking by trap would need an await.
    trap = kernel._traps["trap_get_current"]  # noqa: SLF001
    return trap.__closure__[0].cell_contents


def _describe(task: Any) -> TaskSnapshot:
    frames = frames_of_coroutine(task.coro)
    wait, call = _WAITS.find(frames)
    on: object = call.f_locals.get("self") if call is not None and wait in _WITH_OBJECT else None
    return TaskSnapshot(
        name=str(task.name),
        frames=frames,
        waits_for=wait,
        on=None if on is None else Resource.of(on),
        wakes_at=_time(task.sleep),
        deadline=_time(task.timeout),
    )


def _time(value: object) -> float | None:
    return value if isinstance(value, float) else None
