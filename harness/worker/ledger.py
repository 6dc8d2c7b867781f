"""Leftovers of a scenario in its own process: tasks at its end; fds, threads, children and memory after its run."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping

from harness.api import Runtime, TaskSnapshot, place_of

from .leftovers import describe_child, list_children, list_new_children, list_threads

_SETTLE_TURNS = 100
_SETTLE_SECONDS = 0.01
_LAST_SECONDS = 0.25
"""For threads and children, while which nothing advances: less than any scenario takes for a hang."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Ledger:
    """Counts before the scenario and after it. An increase is a leak.

    Both counts leave out the runtime's own resources: it has its fds open when the first is taken (uvloop keeps a pipe
    for the life of the process), and those that it opens meanwhile, such as a pool, it closes before the second.
    Threads that it keeps for the next job, as trio does, are its own as well.
    """

    def __init__(self) -> None:
        self._fds: dict[int, str] = {}
        self._tasks: Counter[str] = Counter()
        self._left_tasks: tuple[str, ...] = ()
        self._threads: frozenset[int] = frozenset()
        self._children: frozenset[int] = frozenset()
        self._packages: frozenset[str] = frozenset()
        self._tasks_are_threads = False
        self._resident: int | None = None

    def open(self, runtime: Runtime) -> None:
        """Note the counts before the scenario starts."""
        self._fds = open_fds()
        self._tasks = Counter(task.name for task in runtime.tasks())
        self._threads = frozenset(sys._current_frames())  # noqa: SLF001 - also threads that threading does not know
        self._children = frozenset(list_children())
        # Names and no objects: the ledger would keep objects alive.
        kinds = (*type(runtime).__mro__, type(runtime.scheduler()))
        self._packages = frozenset(kind.__module__.partition(".")[0] for kind in kinds)
        self._tasks_are_threads = isinstance(runtime.scheduler(), threading.Thread)
        self._resident = read_resident_bytes()

    async def close_tasks(self, runtime: Runtime) -> None:
        """Note the tasks that are still there after it; one that is on its way out gets the time to end."""
        for _ in range(_SETTLE_TURNS):
            # As text: to keep a snapshot would keep the frames of its task, and what these hold, alive.
            lines = [(task.name, _line_of(task)) for task in runtime.tasks()]
            if self._tasks.total() >= len(lines):
                return
            await runtime.sleep(_SETTLE_SECONDS)
        left = Counter(name for name, _ in lines) - self._tasks
        self._left_tasks = tuple(f"task {line}" for name, line in lines if name in left)

    def leaks(self) -> tuple[str, ...]:
        """Return the leftovers, a line each. Call after the runtime has ended."""
        until = time.monotonic() + _LAST_SECONDS
        while (self._left_threads() or list_new_children(self._children)) and time.monotonic() < until:
            time.sleep(_SETTLE_SECONDS)  # threads and children that are ending get the time
        threads, children = self._left_threads(), list_new_children(self._children)
        fds = (f"fd {fd} {target}" for fd, target in list_new_fds(self._fds).items())
        return (*self._left_tasks, *threads, *map(describe_child, children), *fds)

    def grown_bytes(self) -> int | None:
        """Return by how much the process has grown; less than 0 if it shrank. Nothing where the system does not say."""
        resident = read_resident_bytes()
        return None if resident is None or self._resident is None else resident - self._resident

    def _left_threads(self) -> list[str]:
        lines = list_threads(self._threads, self._packages)
        if not self._tasks_are_threads:
            return lines
        tasks = {_name_of_task(line).removeprefix("task ") for line in self._left_tasks}
        return [line for line in lines if _name_of_task(line).removeprefix("thread ") not in tasks]


def read_resident_bytes() -> int | None:
    """Return the resident size of this process; nothing where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a worker has no pathlib
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return None


def open_fds() -> dict[int, str]:
    """Return the open fds and their kinds; nothing where the system does not report them."""
    found: dict[int, str] = {}
    try:
        with os.scandir("/proc/self/fd") as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return found
    for name in names:
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115 - pathlib is not imported in a worker
        except OSError:  # the one that listed them
            continue
    return found


def list_new_fds(before: Mapping[int, str]) -> dict[int, str]:
    """Return the open fds that are not among those before and that multiprocessing does not keep, in their order."""
    opened = sorted(open_fds().items())
    own = _resource_tracker_fd()
    return {fd: target for fd, target in opened if fd != own and before.get(fd) != target}


def _resource_tracker_fd() -> int | None:
    """Return the pipe that multiprocessing keeps to its tracker for the life of the process, whoever started it."""
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    return getattr(getattr(tracker, "_resource_tracker", None), "_fd", None)


def _line_of(task: TaskSnapshot) -> str:
    return f"{task.name}: {place_of(task.frames[-1]) if task.frames else 'runs, or has not started'}"


def _name_of_task(line: str) -> str:
    return line.partition(":")[0]
