"""What gevent knows about its greenlets, and what their stacks show.

gevent's own waits are compiled and have no frames. The object of a greenlet's wait shows in the frame of this
backend that made the call; on what, in the object of that frame.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

from harness.api import Resource, TaskSnapshot, Wait, WaitTable, frames_of_stack

from .scopes import Task

_CHANNELS = "harness_gevent.channels"
_SYNCHRONISATION = "harness_gevent.synchronisation"
_WAITS = WaitTable(
    {
        # A lock is a semaphore here; which of them it is the object tells.
        f"{_SYNCHRONISATION}:Semaphore.acquire": Wait.SEMAPHORE,
        f"{_SYNCHRONISATION}:Semaphore.__aenter__": Wait.SEMAPHORE,
        f"{_SYNCHRONISATION}:Event.wait": Wait.EVENT,
        f"{_SYNCHRONISATION}:Condition.wait": Wait.CONDITION,
        f"{_SYNCHRONISATION}:Condition._take": Wait.LOCK,
        f"{_CHANNELS}:BufferReceiver.receive": Wait.RECEIVE,
        f"{_CHANNELS}:BufferSender.send": Wait.SEND,
        f"{_CHANNELS}:RendezvousReceiver.receive": Wait.RECEIVE,
        f"{_CHANNELS}:RendezvousSender.send": Wait.SEND,
        "gevent.hub:sleep": Wait.TIMER,
        "harness_gevent.streams:ByteStream.receive_some": Wait.READ,
        "harness_gevent.streams:ByteStream.send_all": Wait.WRITE,
        "harness_gevent.streams:Listener.accept": Wait.ACCEPT,
        "harness_gevent.streams:connect": Wait.CONNECT,
        "harness_gevent.offload:Offload.in_thread": Wait.THREAD,
    },
    {
        "harness_gevent.offload:Offload.in_process": Wait.CHILD,
        "harness_gevent.processes:ChildProcess.wait": Wait.CHILD,
        "harness_gevent.structure:TaskGroup._end": Wait.TASKS,
    },
)
_MOST_NAMES = 5


def read_tasks(tasks: Iterable[Task]) -> Sequence[TaskSnapshot]:
    """Describe each greenlet that is not dead, in the order of their names."""
    live = [task for task in tasks if not task.greenlet.dead]
    return sorted(map(_describe, live), key=lambda snapshot: snapshot.name)


def read_timers() -> Sequence[float]:
    """Return when the active timers of the loop fire: those of sleeps and of time-outs, and what else was started.

    libev counts on the monotonic clock, which is also the runtime's.
    """
    timers = [thing for thing in gc.get_objects() if type(thing).__name__ == "timer" and hasattr(thing, "at")]
    return [float(timer.at) for timer in timers if timer.active]


def _describe(task: Task) -> TaskSnapshot:
    frames = frames_of_stack(task.greenlet.gr_frame)
    wait, call = _WAITS.find(frames)
    of: Any = call.f_locals.get("self") if call is not None else None
    if wait is Wait.SEMAPHORE and hasattr(of, "locked"):
        wait = Wait.LOCK
    return TaskSnapshot(
        name=task.name,
        frames=frames,
        waits_for=wait,
        on=_ON[wait](of) if wait in _ON and of is not None else None,
        wakes_at=_end_of_sleep(call) if wait is Wait.TIMER else None,
        deadline=task.ends_at(),
    )


def _end_of_sleep(call: FrameType | None) -> float | None:
    timer: Any = call.f_locals.get("t") if call is not None else None
    return float(timer.at) if timer is not None and timer.active else None


def _channel(end: Any) -> Resource:
    """Describe a channel by its state: the same one for both of its ends."""
    return end.resource()  # type: ignore[no-any-return]


def _group(group: Any) -> Resource:
    """Describe a group by the greenlets that it still waits for."""
    names = sorted(greenlet.name for greenlet in group.live())
    shown = ", ".join(names[:_MOST_NAMES])
    return Resource(id(group), shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more")


_ON: dict[Wait | None, Callable[[Any], Resource]] = {
    Wait.LOCK: Resource.of,
    Wait.SEMAPHORE: Resource.of,
    Wait.EVENT: Resource.of,
    Wait.CONDITION: Resource.of,
    Wait.RECEIVE: _channel,
    Wait.SEND: _channel,
    Wait.TASKS: _group,
}
