"""What trio knows about its tasks, and what their frames show."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import trio

from harness.api import Resource, TaskSnapshot, Wait, WaitTable, frames_of_coroutine

_WAITS = WaitTable(
    {
        "trio._sync:_LockImpl.acquire": Wait.LOCK,
        "trio._sync:Semaphore.acquire": Wait.SEMAPHORE,
        "trio._sync:CapacityLimiter.acquire_on_behalf_of": Wait.SEMAPHORE,
        "trio._sync:Event.wait": Wait.EVENT,
        "trio._sync:Condition.wait": Wait.CONDITION,
        "trio._channel:MemoryReceiveChannel.receive": Wait.RECEIVE,
        "trio._channel:MemorySendChannel.send": Wait.SEND,
        "trio._timeouts:sleep": Wait.TIMER,
        "trio._timeouts:sleep_until": Wait.TIMER,
        "trio._highlevel_socket:SocketStream.receive_some": Wait.READ,
        "trio._highlevel_socket:SocketStream.send_all": Wait.WRITE,
        "trio._highlevel_socket:SocketListener.accept": Wait.ACCEPT,
        "trio._highlevel_open_tcp_stream:open_tcp_stream": Wait.CONNECT,
        "trio._threads:to_thread_run_sync": Wait.THREAD,
        "trio._subprocess:Process.wait": Wait.CHILD,
    },
    {
        "harness_trio.offload:Offload.in_process": Wait.CHILD,
        "trio._core._run:NurseryManager.__aexit__": Wait.TASKS,
    },
)
_WITH_OBJECT = frozenset({Wait.LOCK, Wait.SEMAPHORE, Wait.EVENT, Wait.CONDITION, Wait.RECEIVE, Wait.SEND})


def read_tasks(root: trio.lowlevel.Task | None) -> Sequence[TaskSnapshot]:
    """Describe each task, from the root task down the nurseries."""
    found = [_Task(task, depth) for depth, task in _walk(root)]
    held: defaultdict[object, list[Resource]] = defaultdict(list)
    for task in found:
        # A lock knows its owner, but not the place where it is held: it is found at a task that waits for it.
        if task.wait is Wait.LOCK and task.on is not None:
            held[task.on.statistics().owner].append(Resource.of(task.on))
    return [task.describe(held[task.task]) for task in found]


def read_timers(runner: Any) -> Sequence[float]:
    """Return the pending deadlines of the run; trio has one queue for sleeps, time-outs and scopes."""
    # `next_deadline` would drop stale entries, which must not happen below code that is about to do the same.
    queue = tuple(runner.deadlines._heap)  # noqa: SLF001
    return [deadline for deadline, _, scope in queue if deadline == scope._registered_deadline]  # noqa: SLF001


def _walk(task: trio.lowlevel.Task | None, depth: int = 0) -> Iterator[tuple[int, trio.lowlevel.Task]]:
    if task is None:
        return
    yield depth, task
    for nursery in tuple(task.child_nurseries):
        for child in tuple(nursery.child_tasks):
            yield from _walk(child, depth + 1)


class _Task:
    """A task with what its frames show."""

    def __init__(self, task: trio.lowlevel.Task, depth: int) -> None:
        self.task = task
        self._depth = depth
        self._frames = frames_of_coroutine(task.coro)
        self.wait, self._call = _WAITS.find(self._frames)
        self.on: Any = None
        if self._call is not None and self.wait in _WITH_OBJECT:
            self.on = self._call.f_locals.get("self")

    def describe(self, held: Sequence[Resource]) -> TaskSnapshot:
        return TaskSnapshot(
            name=self.task.name,
            frames=self._frames,
            waits_for=self.wait,
            on=None if self.on is None else Resource.of(self.on),
            holds=tuple({resource.id: resource for resource in held}.values()),
            wakes_at=_end_of_sleep(self._frames) if self.wait is Wait.TIMER else None,
            deadline=_deadline(self.task),
            depth=self._depth,
        )


def _deadline(task: trio.lowlevel.Task) -> float | None:
    try:
        deadline = task._cancel_status.effective_deadline()  # noqa: SLF001 - as trio.current_effective_deadline
    except AttributeError:  # the task, or a scope around it, is just being made
        return None
    return None if math.isinf(deadline) else deadline


def _end_of_sleep(frames: Sequence[FrameType]) -> float | None:
    ends = [f.f_locals.get("deadline") for f in frames if f.f_code.co_qualname == "sleep_until"]
    return next((end for end in ends if isinstance(end, float)), None)
