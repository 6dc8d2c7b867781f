"""The tasks of a runtime that cannot describe them, from what CPython knows: coroutines that are suspended, threads.

A backend that was written for harness 0.1 has no `Runtime.tasks`, and one that is broken may raise in it. A coroutine
that is suspended and that no other one awaits is the root of a task; it has no name but its function's.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from types import CoroutineType, FrameType
from typing import Any

from harness.api import Runtime, TaskSnapshot, UnsupportedError, Wait, frames_of_coroutine, frames_of_stack

_COROUTINE = 0x80
_CALLS = {
    "sleep": Wait.TIMER,
    "accept": Wait.ACCEPT,
    "receive_some": Wait.READ,
    "send_all": Wait.WRITE,
    "connect": Wait.CONNECT,
    "run_in_process": Wait.CHILD,
    "run_in_thread": Wait.THREAD,
    "get": Wait.RECEIVE,
    "receive": Wait.RECEIVE,
    "put": Wait.SEND,
    "send": Wait.SEND,
}
"""The kind of wait of a call, in the words of the contract and of queues."""


def supply_tasks(runtime: Runtime) -> None:
    """Give a runtime that has no `tasks` of its own the generic ones, for the scenario and for the ledger.

    Raises:
        UnsupportedError: it takes no attribute.
    """
    target: Any = runtime
    try:
        target.tasks = lambda: find_tasks(runtime)
    except AttributeError:
        raise UnsupportedError(
            f"the runtime of backend {runtime.name} has no tasks(), which harness 0.2 asks for, and takes no attribute"
        ) from None


def find_tasks(runtime: Runtime) -> list[TaskSnapshot]:
    """Return a snapshot of each suspended coroutine that none awaits, or of each thread that drives one."""
    if isinstance(runtime.scheduler(), threading.Thread):
        return list(_threads())
    suspended = [thing for thing in gc.get_objects() if type(thing) is CoroutineType and thing.cr_frame is not None]
    awaited = {id(coroutine.cr_await) for coroutine in suspended}
    roots = [coroutine for coroutine in suspended if id(coroutine) not in awaited and coroutine.cr_await is not None]
    return [TaskSnapshot(name=root.__qualname__, frames=frames_of_coroutine(root)) for root in roots]


def _threads() -> Iterator[TaskSnapshot]:
    stacks = sys._current_frames()  # noqa: SLF001 - the documented way, in spite of its name
    for thread in threading.enumerate():
        frames = frames_of_stack(stacks.get(thread.ident or 0))
        if any(frame.f_code.co_flags & _COROUTINE for frame in frames):
            yield TaskSnapshot(name=thread.name, frames=frames)


def guess_wait(frames: tuple[FrameType, ...], library: tuple[str, ...]) -> tuple[Wait | None, object]:
    """Return the likely wait of a task and its object, by the calls below the scenario's innermost frame.

    The innermost call with a word of the contract decides: by the name of a function, and by the methods of the
    object that it belongs to.
    """
    below: list[FrameType] = []
    for frame in reversed(frames):
        if not frame.f_code.co_filename.startswith(library):
            break
        below.append(frame)
    if any(_is_group_end(frame) for frame in below):
        return Wait.TASKS, None
    for frame in below:
        of = frame.f_locals.get("self")
        found = _wait_of_method(frame.f_code.co_name, type(of)) or _CALLS.get(frame.f_code.co_name)
        if found is not None:
            return found, of
    return None, None


def _is_group_end(frame: FrameType) -> bool:
    kind = type(frame.f_locals.get("self"))
    return frame.f_code.co_name in ("__aexit__", "join") and ("Group" in kind.__name__ or "Nursery" in kind.__name__)


def _wait_of_method(name: str, kind: type) -> Wait | None:
    if name in ("acquire", "__aenter__") and hasattr(kind, "release"):
        return Wait.LOCK if hasattr(kind, "locked") else Wait.SEMAPHORE
    if name == "wait" and hasattr(kind, "is_set"):
        return Wait.EVENT
    return Wait.CONDITION if name == "wait" and hasattr(kind, "notify_all") else None
