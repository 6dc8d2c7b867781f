"""What asyncio knows about its tasks, and what its frames show. The same for every loop that asyncio can use."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

from harness.api import Resource, TaskSnapshot, Wait, WaitTable, frames_of_coroutine

_WAITS = WaitTable(
    {
        "asyncio.locks:Lock.acquire": Wait.LOCK,
        "asyncio.locks:Semaphore.acquire": Wait.SEMAPHORE,
        "asyncio.locks:Event.wait": Wait.EVENT,
        "asyncio.locks:Condition.wait": Wait.CONDITION,
        "asyncio.queues:Queue.get": Wait.RECEIVE,
        "asyncio.queues:Queue.put": Wait.SEND,
        "harness_asyncio.channels:Rendezvous.get": Wait.RECEIVE,
        "harness_asyncio.channels:Rendezvous.put": Wait.SEND,
        "asyncio.tasks:sleep": Wait.TIMER,
        "asyncio.threads:to_thread": Wait.THREAD,
        "harness_asyncio.idioms:Executor.run_in_thread": Wait.THREAD,
        "asyncio.subprocess:Process.wait": Wait.CHILD,
        # Streams, and the sock_* methods; those of uvloop have no frame, but the backend's own callers have.
        "asyncio.streams:StreamReader._wait_for_data": Wait.READ,
        "asyncio.streams:StreamWriter.drain": Wait.WRITE,
        "asyncio.streams:open_connection": Wait.CONNECT,
        "asyncio.selector_events:BaseSelectorEventLoop.sock_recv": Wait.READ,
        "asyncio.selector_events:BaseSelectorEventLoop.sock_sendall": Wait.WRITE,
        "asyncio.selector_events:BaseSelectorEventLoop.sock_accept": Wait.ACCEPT,
        "asyncio.selector_events:BaseSelectorEventLoop.sock_connect": Wait.CONNECT,
        "harness_asyncio.sockets:SocketListener.accept": Wait.ACCEPT,
        "harness_asyncio.sockets:connect": Wait.CONNECT,
    },
    {
        "harness_asyncio.backend:AsyncioRuntime.run_in_process": Wait.CHILD,
        "asyncio.taskgroups:TaskGroup.__aexit__": Wait.TASKS,
        "harness_asyncio.gathering:GatherGroup.__aexit__": Wait.TASKS,
    },
)
_WITH_OBJECT = frozenset(
    {Wait.LOCK, Wait.SEMAPHORE, Wait.EVENT, Wait.CONDITION, Wait.RECEIVE, Wait.SEND},
)


def read_tasks(loop: asyncio.AbstractEventLoop) -> Sequence[TaskSnapshot]:
    """Describe each task of a loop that is not done."""
    try:
        tasks = asyncio.all_tasks(loop)
    except RuntimeError:  # the set changed too often, in other threads
        return []
    deadlines = _deadlines(loop)
    return sorted((_describe(task, deadlines.get(task)) for task in tasks), key=lambda snapshot: snapshot.name)


def read_timers(loop: asyncio.AbstractEventLoop) -> Sequence[float]:
    """Return when the loop's timer handles are due."""
    return [handle.when() for handle in _handles(loop) if not handle.cancelled()]


def _describe(task: asyncio.Task[Any], deadline: float | None) -> TaskSnapshot:
    frames = frames_of_coroutine(task.get_coro())
    wait, frame = _WAITS.find(frames)
    on: object = frame.f_locals.get("self") if frame is not None and wait in _WITH_OBJECT else None
    if wait is None and isinstance(joined := getattr(task, "_fut_waiter", None), asyncio.Task):
        return TaskSnapshot(
            name=task.get_name(),
            frames=frames,
            waits_for=Wait.TASKS,
            on=Resource.of(joined, joined.get_name()),
            deadline=deadline,
        )
    return TaskSnapshot(
        name=task.get_name(),
        frames=frames,
        waits_for=wait,
        on=None if on is None else Resource.of(on),
        wakes_at=_end_of_sleep(frame) if wait is Wait.TIMER else None,
        deadline=deadline if deadline is not None else _end_of_wait_for(frames),
    )


def _end_of_sleep(frame: FrameType | None) -> float | None:
    handle: Any = frame.f_locals.get("h") if frame is not None else None
    return float(handle.when()) if hasattr(handle, "when") else None


def _end_of_wait_for(frames: Iterable[FrameType]) -> float | None:
    """Return the time-out of `asyncio.wait_for`, which is no `Timeout` before Python 3.12."""
    handles: list[Any] = [
        frame.f_locals.get("timeout_handle") for frame in frames if frame.f_code is asyncio.wait_for.__code__
    ]
    return min((float(handle.when()) for handle in handles if hasattr(handle, "when")), default=None)


def _deadlines(loop: asyncio.AbstractEventLoop) -> dict[asyncio.Task[Any], float]:
    """Return the innermost time-out of each task: the nearest of the `asyncio.Timeout`s that it has entered."""
    found: dict[asyncio.Task[Any], float] = {}
    for timeout in _timeouts(loop):
        # There is no public way to its task, nor to whether its block was left. One that is being made has neither.
        task, is_pending = getattr(timeout, "_task", None), getattr(timeout, "_timeout_handler", None) is not None
        if task is not None and is_pending and (when := timeout.when()) is not None:
            found[task] = min(when, found.get(task, when))
    return found


def _timeouts(loop: asyncio.AbstractEventLoop) -> Iterable[Any]:
    if hasattr(loop, "_scheduled"):
        owners = [getattr(getattr(handle, "_callback", None), "__self__", None) for handle in _handles(loop)]
        return [owner for owner in owners if isinstance(owner, asyncio.Timeout)]
    return [thing for thing in gc.get_objects() if type(thing) is asyncio.Timeout]


def _handles(loop: asyncio.AbstractEventLoop) -> Iterable[Any]:
    """Return the loop's timer handles: asyncio's own loops keep them, those of other loops are found by their class."""
    scheduled = getattr(loop, "_scheduled", None)
    if scheduled is not None:
        return tuple(scheduled)
    return [
        thing
        for thing in gc.get_objects()
        if type(thing).__name__ == "TimerHandle" and hasattr(thing, "when") and hasattr(thing, "cancelled")
    ]
