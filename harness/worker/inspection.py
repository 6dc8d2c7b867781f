"""Report of a hung worker: the tasks' waits, the holders of locks, and whether anything turns.

Runs in a signal handler of a process that is about to be ended, so it may be slow. It knows no runtime: the tasks
and their waits come from the backend (`Runtime.tasks`), else from the frames (`generic_tasks`). Facts only;
`harness.execute.hang.autopsy` draws the conclusions.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import FrameType

from harness.api import Resource, Runtime, TaskSnapshot, frames_of_stack, place_of

from .generic_tasks import find_tasks, guess_wait
from .held_locks import held_locks
from .wait_tracker import WaitTracker

_MOST_TASKS = 400
_COROUTINE = 0x80 | 0x100 | 0x200
"""CO_COROUTINE, CO_ITERABLE_COROUTINE and CO_ASYNC_GENERATOR."""
_SUSPENDS = _COROUTINE | 0x20
"""With CO_GENERATOR: functions that a suspended task may stand in, unless it has a stack of its own."""
_OWN = (__file__, WaitTracker.see.__code__.co_filename)
_LATE = 0.5
"""Seconds that a timer may be late before it counts as overdue."""
_UNKNOWN_TIMERS = -1
_POOL_WAITS = ("_worker", "wait", "_handle_job", "_work", "get", "run_worker", "wait_result_broken_or_wakeup", "_feed")
"""Where a thread of a pool stands that has no job."""


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
        self._waits = WaitTracker()
        self._library = _library(runtime)
        self._tasks_are_threads = isinstance(runtime.scheduler(), threading.Thread)
        self._tasks_are_stacks = False
        """Whether tasks give way without a return, as threads and greenlets do."""
        self._error = ""
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
            gc.unfreeze()  # else a search of all objects would not find those from before the scenario
            self._since = (time.monotonic(), time.thread_time())
        sys.setprofile(None)
        self._looks += 1
        self._at = time.monotonic() - self._started
        while frame is not None and frame.f_code.co_filename in _OWN:  # the signal met the count
            frame = frame.f_back
        stack = frames_of_stack(frame)
        facts: dict[str, object] = {
            "look": self._looks,
            "at": self._at,
            "seconds": time.monotonic() - self._since[0],
            "cpu": time.thread_time() - self._since[1],
            "turns": dict(self._turns.most_common(10)),
            "calls": dict(self._calls.most_common(10)),
            "tasks_are_threads": self._tasks_are_threads,
            "running": self._running(stack),
            "tasks": [self._describe(task, frames) for task, frames in self._snapshots(stack)],
            "threads": list(self._threads(stack)),
            "timers": self._pending_timers(),
            "error": self._error,
        }
        self._waits.end_look()
        sys.setprofile(self._count)
        return facts

    def _count(self, frame: FrameType, event: str, _arg: object) -> None:
        """Count how often tasks give way to the scheduler, and their calls without giving way.

        A suspended call returns to its caller, from the innermost frame outwards; where the outermost one returns
        the task gave way. Steps of tasks that are the runtime's own do not count.
        """
        if event != "return" or not frame.f_code.co_flags & _COROUTINE:
            return
        self._waits.resume(frame)
        behind = frame.f_back
        is_own = not frame.f_code.co_filename.startswith(self._library)
        if self._tasks_are_stacks:
            self._count_call(behind)
            return
        if is_own and not (self._step and frame is self._caller):
            self._step = place_of(frame)
        if behind is None or not behind.f_code.co_flags & _COROUTINE:
            if self._step:
                self._turns[self._step] += 1
            self._step, behind = "", None
        elif is_own or not behind.f_code.co_filename.startswith(self._library):
            self._calls[place_of(frame if is_own else behind)] += 1
        self._caller = behind

    def _count_call(self, caller: FrameType | None) -> None:
        """Count a call of the scenario that has returned.

        What gives way on a stack of its own does not return for it; but where calls return, none of them holds the
        scheduler.
        """
        if caller is not None and not caller.f_code.co_filename.startswith(self._library):
            self._turns[place_of(caller)] += 1

    # --- tasks ---
    def _running(self, stack: Sequence[FrameType]) -> dict[str, object] | None:
        """Return where the task is that the scheduler runs, if it runs one."""
        inner = next((at for at in range(len(stack)) if stack[at].f_code.co_flags & _COROUTINE), None)
        if inner is None or self._tasks_are_threads:
            return None
        frames = stack[inner:]
        own = self._own(frames)
        return {"place": place_of(own or frames[-1]), "innermost": place_of(frames[-1])} if own else None

    def _snapshots(self, stack: Sequence[FrameType]) -> Iterator[tuple[TaskSnapshot, tuple[FrameType, ...]]]:
        """Yield each task that waits, with its frames; of the one that was interrupted only those of its own."""
        for snapshot in islice(self._read_tasks(), _MOST_TASKS):
            frames = snapshot.frames
            if stack and stack[-1] in frames:
                frames = frames[: frames.index(stack[-1]) + 1]
            if frames:
                self._tasks_are_stacks |= not frames[-1].f_code.co_flags & _SUSPENDS
                yield snapshot, frames

    def _read_tasks(self) -> Sequence[TaskSnapshot]:
        if not hasattr(self._runtime, "tasks"):
            return find_tasks(self._runtime)
        try:
            return self._runtime.tasks()
        except Exception as exc:  # noqa: BLE001 - a broken run must not lose the rest of its autopsy
            self._error = f"Runtime.tasks raised {type(exc).__name__}: {exc}"
            return find_tasks(self._runtime)

    def _pending_timers(self) -> int:
        """Return how many timers are still to come: until then a later event is possible."""
        try:
            times = self._runtime.timers()
        except Exception:  # noqa: BLE001 - it has none to tell, or is broken
            return _UNKNOWN_TIMERS
        now = self._runtime.now()
        return sum(now - _LATE < time < float("inf") for time in times)

    def _describe(self, task: TaskSnapshot, frames: tuple[FrameType, ...]) -> dict[str, object]:
        own = self._own(frames)
        waits_for, on = task.waits_for, task.on
        if waits_for is None:
            waits_for, waited = guess_wait(frames, self._library)
            on = None if waited is None else Resource.of(waited)
        holds = {lock.id: lock for lock in (*task.holds, *held_locks(frames, self._library))}
        standing = self._waits.see(frames, own, self._at)
        now = self._runtime.now()
        return {
            "name": task.name,
            "place": place_of(own or frames[-1]),
            "waits_for": waits_for or "",
            "on": on,
            "holds": list(holds.values()),
            "is_internal": own is None,
            "depth": task.depth,
            "overdue": None if task.wakes_at is None else now - task.wakes_at,
            "time_left": None if task.deadline is None else task.deadline - now,
            "seen_at": standing.seen_at,
            "elsewhere_at": standing.elsewhere_at,
        }

    def _own(self, frames: Sequence[FrameType]) -> FrameType | None:
        """Return the innermost frame that is the scenario's."""
        return next((f for f in reversed(frames) if not f.f_code.co_filename.startswith(self._library)), None)

    # --- threads ---
    def _threads(self, here: Sequence[FrameType]) -> Iterator[dict[str, object]]:
        frames = sys._current_frames()  # noqa: SLF001
        for thread in threading.enumerate():
            is_here = thread.ident == threading.get_ident()
            stack = here if is_here else frames_of_stack(frames.get(thread.ident or 0))
            if stack:
                own = self._own(stack)
                yield {
                    "name": thread.name,
                    "native": thread.native_id or 0,
                    "place": place_of(own or stack[-1]),
                    "is_idle": own is None and stack[-1].f_code.co_name in _POOL_WAITS,
                    "waits_for_ended": any(map(_is_call_of_ended, stack)),
                }


def _is_call_of_ended(frame: FrameType) -> bool:
    """Return whether a frame is a method of a bridge or of its job, and the scheduler of that has ended."""
    try:
        return frame.f_locals["self"].scheduler_has_ended() is True
    except Exception:  # noqa: BLE001 - no method, or one of an object that has nothing of a bridge
        return False


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
