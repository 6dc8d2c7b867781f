"""What a hung worker says of itself when it is asked: who waits for what, who holds what, and whether anything turns.

Runs in a signal handler of a process that is about to be ended, so it may be slow. It knows no runtime: a task is
what has a coroutine and a name, or a thread where the runtime's tasks are threads, and what it waits for shows in the
frames below the last one of the scenario. Facts only; `harness.execute.hang.autopsy` says what follows from them.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from harness.api import Runtime

from .held_locks import held_locks, lock_key
from .standing import Standings, deadlines_of_tasks

_MOST_TASKS = 200
_DEEPEST = 100
_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR
_OWN = (__file__, Standings.see.__code__.co_filename)
_LATE = 0.5
"""Seconds that a timer may be late before it counts as overdue."""
_POOL_WAITS = ("_worker", "wait", "_handle_job", "_work", "get", "run_worker", "wait_result_broken_or_wakeup", "_feed")
"""Where a thread of a pool stands that has no job."""
_CALLS = {
    "sleep": "timer",
    "sleep_until": "timer",
    "accept": "accept",
    "receive_some": "read",
    "_wait_for_data": "read",
    "sock_recv": "read",
    "recv": "read",
    "sock_accept": "accept",
    "send_all": "write",
    "sendall": "write",
    "drain": "write",
    "connect": "connect",
    "open_connection": "connect",
    "run_in_process": "child",
    "run_in_thread": "thread",
    "waitpid": "child",
    "_try_wait": "child",
}
"""What a call waits for, by the name of its function, where that is all one can go by."""


class _Task(NamedTuple):
    name: str
    frames: list[FrameType]
    """Outermost first."""
    due: float | None = None
    """When its sleep ends, on the runtime's clock, if it says so itself; `deadline`: when its time-out does."""
    deadline: float | None = None


class Inspector:
    """Looks at its own process, as often as the runner asks; the turns count from the first look."""

    def __init__(self, runtime: Runtime, started: float = 0.0) -> None:
        """Take note of where the runtime's files lie.

        Args:
            runtime: the one that hangs.
            started: when the probe's clock was 0.
        """
        self._runtime = runtime
        self._started = started
        self._standings = Standings()
        self._library = _library(runtime)
        self._tasks_are_threads = isinstance(runtime.scheduler(), threading.Thread)
        self._looks = 0
        self._turns: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._since = (0.0, 0.0)
        self._at = 0.0
        self._step = ""
        """Where the task that returns now stands in the scenario."""
        self._caller: FrameType | None = None

    def look(self, frame: FrameType | None) -> dict[str, object]:
        """Return the facts. `frame` is the one that the signal interrupted."""
        if self._looks == 0:
            gc.unfreeze()  # what was there before the scenario is not found otherwise
            self._since = (time.monotonic(), time.thread_time())
        sys.setprofile(None)
        self._looks += 1
        self._at = time.monotonic() - self._started
        while frame is not None and frame.f_code.co_filename in _OWN:  # the signal met the count
            frame = frame.f_back
        stack = _outermost_first(frame)
        facts: dict[str, object] = {
            "look": self._looks,
            "at": self._at,
            "seconds": time.monotonic() - self._since[0],
            "cpu": time.thread_time() - self._since[1],
            "turns": dict(self._turns.most_common(10)),
            "calls": dict(self._calls.most_common(10)),
            "tasks_are_threads": self._tasks_are_threads,
            "running": self._running(stack),
            "tasks": list(self._tasks(stack)),
            "threads": list(self._threads(stack)),
            "timers": _pending_timers(self._runtime.now()),
        }
        self._standings.end_look()
        sys.setprofile(self._count)
        return facts

    def _count(self, frame: FrameType, event: str, _arg: object) -> None:
        """Count how often tasks give way to the scheduler, and what they call without giving way.

        What is suspended returns to its caller, from the innermost frame outwards; where the outermost one returns
        the task gave way. Steps of tasks that are the runtime's own do not count.
        """
        if event != "return" or not frame.f_code.co_flags & _COROUTINE:
            return
        self._standings.resume(frame)
        behind = frame.f_back
        is_own = not frame.f_code.co_filename.startswith(self._library)
        if is_own and not (self._step and frame is self._caller):
            self._step = _place(frame)
        if behind is None or not behind.f_code.co_flags & _COROUTINE:
            if self._step:
                self._turns[self._step] += 1
            self._step, behind = "", None
        elif is_own or not behind.f_code.co_filename.startswith(self._library):
            self._calls[_place(frame if is_own else behind)] += 1
        self._caller = behind

    # --- tasks ---
    def _running(self, stack: list[FrameType]) -> dict[str, object] | None:
        """Return where the task is that the scheduler runs, if it runs one."""
        inner = next((at for at in range(len(stack)) if stack[at].f_code.co_flags & _COROUTINE), None)
        if inner is None or self._tasks_are_threads:
            return None
        frames = stack[inner:]
        own = self._own(frames)
        return {"place": _place(own or frames[-1]), "innermost": _place(frames[-1])} if own else None

    def _tasks(self, stack: list[FrameType]) -> Iterator[dict[str, object]]:
        found = self._threads_as_tasks(stack) if self._tasks_are_threads else self._coroutines()
        yield from map(self._describe, islice(found, _MOST_TASKS))

    def _coroutines(self) -> Iterator[_Task]:
        deadlines = deadlines_of_tasks()
        for task in gc.get_objects():
            kind = type(task)
            if hasattr(kind, "get_coro") or hasattr(kind, "coro") or kind.__name__ == "Task":
                try:
                    coroutine = task.get_coro() if hasattr(kind, "get_coro") else task.coro
                    name = str(task.get_name() if hasattr(kind, "get_name") else task.name)
                except Exception:  # noqa: BLE001, S112 - it only looks like a task
                    continue
                frames = list(_frames(coroutine))
                if frames and not getattr(coroutine, "cr_running", False):
                    yield _Task(name, frames, _clock(task, "sleep"), deadlines.get(id(task)))

    def _threads_as_tasks(self, stack: list[FrameType]) -> Iterator[_Task]:
        frames = sys._current_frames()  # noqa: SLF001 - the documented way, in spite of its name
        for thread in threading.enumerate():
            is_here = thread.ident == threading.get_ident()
            found = stack if is_here else _outermost_first(frames.get(thread.ident or 0))
            if any(frame.f_code.co_flags & _COROUTINE for frame in found):
                yield _Task(thread.name, found)

    def _describe(self, task: _Task) -> dict[str, object]:
        frames = task.frames
        own = self._own(frames)
        kind, waited = _wait_of(frames, self._library)
        standing = self._standings.see(frames, own, self._at)
        described: dict[str, object] = {
            "name": task.name,
            "place": _place(own or frames[-1]),
            "waits_for": kind,
            "is_internal": own is None,
            "holds": [{"id": key, "label": label} for key, label in held_locks(frames, self._library)],
            "seen_at": standing.seen_at,
            "elsewhere_at": standing.elsewhere_at,
        }
        if waited is not None:
            described["on"] = {"id": lock_key(waited), "label": type(waited).__name__}
        due = _deadline(frames) if task.due is None else task.due
        if kind == "timer" and due is not None:
            described["overdue"] = self._runtime.now() - due
        if task.deadline is not None:
            described["time_left"] = task.deadline - self._runtime.now()
        return described

    def _own(self, frames: list[FrameType]) -> FrameType | None:
        """Return the innermost frame that is the scenario's."""
        return next((f for f in reversed(frames) if not f.f_code.co_filename.startswith(self._library)), None)

    # --- threads ---
    def _threads(self, here: list[FrameType]) -> Iterator[dict[str, object]]:
        frames = sys._current_frames()  # noqa: SLF001
        for thread in threading.enumerate():
            is_here = thread.ident == threading.get_ident()
            stack = here if is_here else _outermost_first(frames.get(thread.ident or 0))
            if stack:
                own = self._own(stack)
                yield {
                    "name": thread.name,
                    "native": thread.native_id or 0,
                    "place": _place(own or stack[-1]),
                    "is_idle": own is None and stack[-1].f_code.co_name in _POOL_WAITS,
                }


def _wait_of(frames: list[FrameType], library: tuple[str, ...]) -> tuple[str, Any]:
    """Return what a task waits for, and the lock if it is one: the innermost call that can be told decides."""
    names = {frame.f_code.co_name for frame in frames}
    if "run_in_process" in names:
        return "child", None
    if any(_is_group_end(frame) for frame in frames if frame.f_code.co_filename.startswith(library)):
        return "tasks", None
    for frame in reversed(frames):
        if frame.f_code.co_filename.startswith(library):
            found = _kind(frame.f_code.co_name, frame.f_locals.get("self"))
            if found:
                return found, frame.f_locals["self"] if found == "lock" else None
        elif frame is not frames[-1]:
            return "", None  # nothing below the scenario's last frame could be told
    return "", None


def _is_group_end(frame: FrameType) -> bool:
    kind = type(frame.f_locals.get("self"))
    return frame.f_code.co_name in ("__aexit__", "join") and ("Group" in kind.__name__ or "Nursery" in kind.__name__)


def _kind(name: str, of: Any) -> str:
    kind = type(of)
    if name in ("acquire", "_wait", "__aenter__") and hasattr(kind, "release"):
        return "lock" if hasattr(of, "locked") and not hasattr(of, "_value") else "semaphore"
    if name == "wait" and hasattr(kind, "is_set"):
        return "event"
    if name == "wait" and hasattr(kind, "notify_all"):
        return "condition"
    if name in ("get", "receive") and of is not None:
        return "channel receive"
    if name in ("put", "send") and of is not None:
        return "channel send"
    return _CALLS.get(name, "")


# --- frames ---
def _library(runtime: Runtime) -> tuple[str, ...]:
    """Return where the files of the standard library, of the runtime, of its backend and of harness lie."""
    standard = Path(os.__file__).parent
    places = [f"{Path(__file__).resolve().parent.parent}/"]
    for module in {kind.__module__ for kind in (*type(runtime).__mro__, type(runtime.scheduler()))}:
        file = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None)
        if file:
            places.append(file if Path(file).parent == standard else f"{Path(file).parent}/")
    places += [str(entry) for entry in standard.iterdir() if entry.name not in ("site-packages", "dist-packages")]
    return (*places, "<frozen", "<string>")


def _outermost_first(frame: FrameType | None) -> list[FrameType]:
    found: list[FrameType] = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found[::-1]


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Yield the frames of a chain of awaits, outermost first, also through asynchronous generators."""
    for _ in range(_DEEPEST):
        for kind, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if hasattr(awaited, following):
                frame = getattr(awaited, f"{kind}_frame")
                awaited = getattr(awaited, following)
                if frame is not None:
                    yield frame
                break
        else:
            if type(awaited).__name__ not in ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper"):
                return
            awaited = next(
                (o for o in gc.get_referents(awaited) if hasattr(o, "ag_await") or hasattr(o, "cr_await")), None
            )


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


# --- timers ---
def _clock(task: Any, name: str) -> float | None:
    value = getattr(task, name, None)
    return value if isinstance(value, float) else None


def _deadline(frames: list[FrameType]) -> float | None:
    """Return when a sleep ends, if it says so in the names that asyncio's loops and trio use."""
    for frame in reversed(frames):
        if frame.f_code.co_name in ("sleep", "sleep_until"):
            handle: Any = frame.f_locals.get("h")
            deadline = frame.f_locals.get("deadline")
            if hasattr(handle, "when"):
                return float(handle.when())
            if isinstance(deadline, float):
                return deadline
    return None


def _pending_timers(now: float) -> int:
    """Return how many timers and deadlines are still to come: until then nobody can say that nothing will happen."""
    return sum(now - _LATE < _time_of(thing) < float("inf") for thing in gc.get_objects())


def _time_of(thing: Any) -> float:
    kind = type(thing)
    never = float("inf")
    try:
        if kind.__name__ == "TimerHandle":
            return never if thing.cancelled() else float(thing.when())
        if hasattr(kind, "deadline") and hasattr(kind, "cancel"):
            return float(thing.deadline)
        if kind.__name__ == "Task" and hasattr(kind, "join"):
            return min(_clock(thing, "timeout") or never, _clock(thing, "sleep") or never)
    except Exception:  # noqa: BLE001 - it only looks like a timer
        return never
    return never
