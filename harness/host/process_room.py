"""How many processes and threads this host still allows: the limit of the user (`ulimit -u`) and those of cgroups.

Whoever runs out of them has an error that looks like one of a runtime: `BlockingIOError` from a fork, `RuntimeError`
from the start of a thread. By the time of a look most of them have ended again, so the room that is left decides.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FEWEST_TASKS = 4096
"""Processes and threads that must be allowed; with fewer, running out of them says nothing of a runtime."""
_NO_THREAD = "can't start new thread"


def is_shortage(exc: BaseException) -> bool:
    """Return whether an exception is the interpreter's for a thread that the system did not start."""
    return isinstance(exc, RuntimeError) and str(exc).startswith(_NO_THREAD)


def find_shortage(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> str:
    """Return which limit leaves room for fewer than `FEWEST_TASKS`, or an empty string."""
    return next((why for room, why in _rooms(proc, cgroups) if room < FEWEST_TASKS), "")


def _rooms(proc: Path, cgroups: Path) -> Iterator[tuple[int, str]]:
    """Yield the number of tasks that each limit still allows, and its description."""
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if limit != resource.RLIM_INFINITY and os.getuid() != 0:  # root has no such limit
        used = _count_tasks(proc, os.getuid())
        yield limit - used, f"this user may have {limit:,} processes and threads and has {used:,} (ulimit -u)"
    for folder in _folders(proc, cgroups):
        with suppress(OSError, ValueError):  # `max`, or no such controller
            limit = int((folder / "pids.max").read_text())
            used = int((folder / "pids.current").read_text())
            yield limit - used, f"{folder} may have {limit:,} processes and threads and has {used:,} (pids.max)"


def _count_tasks(proc: Path, user: int) -> int:
    count = 0
    for process in proc.iterdir():
        with suppress(OSError):  # it has ended, or is no process
            if process.name.isdigit() and process.stat().st_uid == user:
                count += len(os.listdir(process / "task"))  # noqa: PTH208 - names only
    return count


def _folders(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Yield the cgroups of this process that may limit it, of either version, and those above them."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "pids" not in controllers.split(","):
            continue
        top = cgroups / "pids" if controllers else cgroups
        folder = top / name.lstrip("/")
        yield from (folder, *(above for above in folder.parents if above.is_relative_to(top)))
