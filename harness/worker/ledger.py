"""What a scenario leaves behind in its own process: tasks at its end, fds after its run."""

from __future__ import annotations

import os
import sys
from collections import Counter

from harness.api import Runtime

_SETTLE_TURNS = 100
_SETTLE_SECONDS = 0.01


class Ledger:
    """Counts before the scenario and after it. What is there more than before is a leak.

    Both counts leave out what is the runtime's own: it has its fds open when the first is taken (uvloop keeps a pipe
    for the life of the process), and what it opens for itself meanwhile, such as a pool, it closes before the second.
    """

    def __init__(self) -> None:
        self._fds: dict[int, str] = {}
        self._tasks: Counter[str] = Counter()
        self._left_tasks: tuple[str, ...] = ()

    def open(self, runtime: Runtime) -> None:
        """Note what is there before the scenario starts."""
        self._fds = open_fds()
        self._tasks = Counter(map(_name_of_task, runtime.dump_tasks()))

    async def close_tasks(self, runtime: Runtime) -> None:
        """Note the tasks that are still there after it; one that is on its way out gets the time to end."""
        for _ in range(_SETTLE_TURNS):
            lines = runtime.dump_tasks()
            if sum(self._tasks.values()) >= len(lines):
                return
            await runtime.sleep(_SETTLE_SECONDS)
        left = Counter(map(_name_of_task, lines)) - self._tasks
        self._left_tasks = tuple(f"task {line}" for line in lines if _name_of_task(line) in left)

    def leaks(self) -> tuple[str, ...]:
        """Return what is left, a line each. Call after the runtime has ended."""
        left = {fd: target for fd, target in open_fds().items() if self._fds.get(fd) != target}
        own = _resource_tracker_fd()
        return (*self._left_tasks, *(f"fd {fd} {target}" for fd, target in sorted(left.items()) if fd != own))


def open_fds() -> dict[int, str]:
    """Return the open fds and what they are; nothing where the system does not say."""
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


def _resource_tracker_fd() -> int | None:
    # multiprocessing keeps one pipe to its tracker for the life of the process, whoever started it.
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    return getattr(getattr(tracker, "_resource_tracker", None), "_fd", None)


def _name_of_task(line: str) -> str:
    return line.partition(":")[0]
