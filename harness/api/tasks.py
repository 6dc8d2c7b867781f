"""A runtime's view of its tasks: the data of `Runtime.tasks`, and the ways to a task's frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import FrameType
from typing import Any

import msgspec

_DEEPEST = 100
_LINKS = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
_WITHOUT_LINK = ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper")


class Wait(StrEnum):
    """Kind of operation that a task waits in."""

    LOCK = "lock"
    """A lock that another task, or the task itself, holds."""
    SEMAPHORE = "semaphore"
    """A permit of a semaphore, or a token of a limiter."""
    CONDITION = "condition"
    """A notification; the wait for its lock behind that is `LOCK`."""
    EVENT = "event"
    """An event that is not set."""
    SEND = "channel send"
    """Room in a channel or queue, or a receiver at a rendezvous."""
    RECEIVE = "channel receive"
    """An item of a channel or queue."""
    TASKS = "tasks"
    """The end of other tasks: of a group, or of one that is joined."""
    TIMER = "timer"
    """The end of a sleep."""
    READ = "read"
    """Bytes of a stream."""
    WRITE = "write"
    """Room in the buffers of a stream."""
    ACCEPT = "accept"
    """A connection to a listener."""
    CONNECT = "connect"
    """The answer of the other side."""
    THREAD = "thread"
    """A job in another thread."""
    CHILD = "child"
    """A child process."""


class Resource(msgspec.Struct, frozen=True):
    """Something that a task waits for or holds."""

    id: int
    """Identifier within this process. A lock has the same one for its holder and for those that wait."""
    label: str
    """Label by which a reader can recognise it."""

    @classmethod
    def of(cls, thing: object, label: str = "") -> Resource:
        """Describe an object of the runtime, by default by the name of its class.

        A lock that a backend has wrapped is the same resource, if the wrapper hands out the native `acquire`.
        """
        native = getattr(getattr(thing, "acquire", None), "__self__", thing)
        return cls(id(native), label or type(native).__name__)


class TaskSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One task at one moment. A backend fills in what its runtime knows; the default of each field is "not known".

    It is made and read inside the process, because the frames are live: the autopsy follows them from look to look and
    reads from them which locks are held. What crosses the wire is plain data, `harness.execute.hang.testimony`.
    """

    name: str
    """By which the scenario, a step of the trace and a leak call it."""
    frames: tuple[FrameType, ...] = ()
    """Outermost first; see `frames_of_coroutine` and `frames_of_stack`. None while the task runs or has not started."""
    waits_for: Wait | None = None
    """The kind of its wait."""
    on: Resource | None = None
    """The object of its wait. Two tasks that wait for each other's locks are found by it."""
    holds: tuple[Resource, ...] = ()
    """Locks, where the runtime knows their owner. Those of `async with` blocks are also found in the source."""
    wakes_at: float | None = None
    """When its sleep ends, on the clock of `Runtime.now`."""
    deadline: float | None = None
    """When the nearest time-out or cancel scope around its wait ends, on the same clock."""
    depth: int = 0
    """Levels below the root, for a runtime that has a tree of tasks and lists it in order."""


class WaitTable:
    """The calls of a runtime that identify a task's wait by its frames.

    Functions are named `"module:qualified.name"`, so that a table imports nothing and may name what other versions of
    the runtime have.

    Args:
        calls: the innermost of them decides, e.g. `{"asyncio.locks:Lock.acquire": Wait.LOCK}`.
        whole: calls that decide wherever they stand, because what lies below says only how they are done.
    """

    __slots__ = ("_calls", "_whole")

    def __init__(self, calls: Mapping[str, Wait], whole: Mapping[str, Wait] | None = None) -> None:
        self._calls = calls
        self._whole = whole or {}

    def find(self, frames: Sequence[FrameType]) -> tuple[Wait | None, FrameType | None]:
        """Return the wait of a task and the frame of that call; nothing if no frame is known."""
        found: tuple[Wait | None, FrameType | None] = (None, None)
        for frame in reversed(frames):
            name = f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}"
            if name in self._whole:
                return self._whole[name], frame
            if found[0] is None and name in self._calls:
                found = self._calls[name], frame
        return found


def frames_of_coroutine(awaited: Any) -> tuple[FrameType, ...]:
    """Return the frames of a chain of awaits, outermost first, also through generators; none of one that runs."""
    frames: list[FrameType] = []
    if getattr(awaited, "cr_running", False):
        return ()
    while awaited is not None and len(frames) < _DEEPEST:
        link = next((link for link in _LINKS if hasattr(awaited, link[1])), None)
        if link is None:
            awaited = _behind(awaited)
            continue
        frame, awaited = getattr(awaited, link[0]), getattr(awaited, link[1])
        if frame is not None:
            frames.append(frame)
    return tuple(frames)


def _behind(awaited: Any) -> Any:
    """Return the object behind an awaitable of C that has no link; nothing where a chain ends."""
    if type(awaited).__name__ not in _WITHOUT_LINK:
        return None
    import gc

    return next(
        (other for other in gc.get_referents(awaited) if hasattr(other, "ag_await") or hasattr(other, "cr_await")), None
    )


def frames_of_stack(innermost: FrameType | None) -> tuple[FrameType, ...]:
    """Return the frames of a stack, outermost first: of a thread, or of a greenlet that has switched away."""
    frames: list[FrameType] = []
    while innermost is not None:
        frames.append(innermost)
        innermost = innermost.f_back
    return tuple(reversed(frames))


def place_of(frame: FrameType) -> str:
    """Return where a frame stands: `file:line in function`."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
