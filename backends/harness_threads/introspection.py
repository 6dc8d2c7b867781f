"""The known state of the tasks of raw threads: where each thread stands, and the scopes around it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from harness.api import Resource, TaskSnapshot, Wait, WaitTable, frames_of_stack

from .scopes import NEVER, Task

_COROUTINE = 0x80
"""CO_COROUTINE: to import `inspect` costs a worker as much as the rest of this backend."""
_SYNCHRONISATION = "harness_threads.synchronisation"
_CHANNELS = "harness_threads.channels"
_WAITS = WaitTable(
    {
        f"{_SYNCHRONISATION}:Lock.acquire": Wait.LOCK,
        f"{_SYNCHRONISATION}:Lock._wait": Wait.LOCK,
        f"{_SYNCHRONISATION}:Lock.take": Wait.LOCK,
        f"{_SYNCHRONISATION}:Semaphore.acquire": Wait.SEMAPHORE,
        f"{_SYNCHRONISATION}:Event.wait": Wait.EVENT,
        f"{_SYNCHRONISATION}:Condition.wait": Wait.CONDITION,
        f"{_CHANNELS}:BufferReceiver.receive": Wait.RECEIVE,
        f"{_CHANNELS}:BufferSender.send": Wait.SEND,
        f"{_CHANNELS}:RendezvousReceiver.receive": Wait.RECEIVE,
        f"{_CHANNELS}:RendezvousSender.send": Wait.SEND,
        f"{_CHANNELS}:QueueReceiver.receive": Wait.RECEIVE,
        f"{_CHANNELS}:QueueSender.send": Wait.SEND,
        "harness_threads.backend:ThreadsRuntime.sleep": Wait.TIMER,
        "harness_threads.streams:ByteStream.receive_some": Wait.READ,
        "harness_threads.streams:ByteStream.send_all": Wait.WRITE,
        "harness_threads.streams:Listener.accept": Wait.ACCEPT,
        "harness_threads.streams:connect": Wait.CONNECT,
        "harness_threads.offload:Offload.in_thread": Wait.THREAD,
        "harness_threads.processes:_ChildProcess.wait": Wait.CHILD,
    },
    {
        "harness_threads.offload:Offload.in_process": Wait.CHILD,
        "harness_threads.structure:TaskGroup.join": Wait.TASKS,
    },
)
_DRIVERS = ("ThreadsRunner.run", "_run_task")
_WITH_OBJECT = frozenset({Wait.LOCK, Wait.SEMAPHORE, Wait.EVENT, Wait.CONDITION, Wait.RECEIVE, Wait.SEND})


def read_tasks() -> Sequence[TaskSnapshot]:
    """Describe each thread that drives a coroutine."""
    return [_describe(thread.name, frames) for thread, frames in _threads()]


def read_timers() -> Sequence[float]:
    """Return until when tasks wait: the nearest deadline of the scopes around each, and the ends of sleeps."""
    tasks = read_tasks()
    return [end for task in tasks for end in (task.wakes_at, task.deadline) if end is not None]


def _threads() -> Iterator[tuple[threading.Thread, tuple[FrameType, ...]]]:
    stacks = sys._current_frames()  # noqa: SLF001 - the documented way, in spite of its name
    for thread in threading.enumerate():
        frames = frames_of_stack(stacks.get(thread.ident or 0))
        if any(frame.f_code.co_flags & _COROUTINE for frame in frames):
            yield thread, frames


def _describe(name: str, frames: tuple[FrameType, ...]) -> TaskSnapshot:
    wait, call = _WAITS.find(frames)
    on: object = call.f_locals.get("self") if call is not None and wait in _WITH_OBJECT else None
    end: Any = call.f_locals.get("until") if call is not None and wait is Wait.TIMER else None
    return TaskSnapshot(
        name=name,
        frames=frames,
        waits_for=wait,
        on=None if on is None else Resource.of(on),
        wakes_at=end if isinstance(end, float) else None,
        deadline=_deadline(frames),
    )


def _deadline(frames: Sequence[FrameType]) -> float | None:
    """Return the nearest deadline of the scopes around a task, which stands in the frame that drives it."""
    drivers = (frame for frame in frames if frame.f_code.co_qualname in _DRIVERS)
    task = next((found for frame in drivers if isinstance(found := frame.f_locals.get("task"), Task)), None)
    nearest = NEVER if task is None else task.survey()[1]
    return None if nearest == NEVER else nearest
