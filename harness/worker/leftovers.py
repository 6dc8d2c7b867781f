"""Threads and children of this process, and which of them were forgotten."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection
from types import FrameType

from harness.api import place_of

_IDLE = ("_work", "wait", "get", "run_worker")
"""Innermost function of a thread that its runtime keeps for the next job: trio's, curio's (`Event.wait`), a queue's."""


def list_threads(before: Collection[int], packages: Collection[str]) -> list[str]:
    """Return a line for each thread that runs Python, is not among those before, and is not one kept for the next job.

    Args:
        before: the identities of those that were there.
        packages: the top-level packages that the runtime consists of.

    Threads that run no Python, as those of libuv, are not among them: whose they are is not to be seen.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    here = threading.get_ident()
    lines = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way, in spite of its name
        if ident != here and ident not in before and not _is_kept(frame, packages):
            lines.append(f"thread {names.get(ident, ident)}: {place_of(frame)}")
    return sorted(lines)


def list_children() -> list[int]:
    """Return the processes that this one has to wait for; nothing where the system does not say."""
    if not _has_children():
        return []
    own = os.getpid()
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []
    return [pid for pid in pids if _parent_of(pid) == own]


def _has_children() -> bool:
    # The kernel need not have been built to list them in /proc, and to look at every process takes its time.
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # none, or a system without this call
        return False
    return True


def _parent_of(pid: int) -> int:
    state = _read_stat(pid)[1]
    return int(state[1]) if len(state) > 1 else 0


def _read_stat(pid: int) -> tuple[str, list[str]]:
    """Return a process's name, and what follows it in its state; nothing of one that has gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - no pathlib here
            head, _, rest = file.read().rpartition(")")
    except OSError:
        return "", []
    return head.partition("(")[2], rest.split()


def spared_children() -> set[int]:
    """Return the processes that multiprocessing keeps for the life of this one, whoever started it."""
    own = (("resource_tracker", "_resource_tracker", "_pid"), ("forkserver", "_forkserver", "_forkserver_pid"))
    found = set()
    for module, keeper, attribute in own:
        kept = getattr(sys.modules.get(f"multiprocessing.{module}"), keeper, None)
        found.add(getattr(kept, attribute, None))
    return {pid for pid in found if pid is not None}


def list_new_children(before: Collection[int]) -> list[int]:
    """Return the children that are not among those before and that multiprocessing does not keep."""
    new = set(list_children()) - set(before)
    return sorted(new - spared_children()) if new else []


def describe_child(pid: int) -> str:
    """Return a line that identifies the process, and whether it only has to be waited for."""
    name, state = _read_stat(pid)
    return f"child {pid} {name}{', which has ended and was not waited for' if state[:1] == ['Z'] else ''}"


def _is_kept(frame: FrameType, packages: Collection[str]) -> bool:
    """Return whether a thread was started by the runtime and has no job."""
    if frame.f_code.co_name not in _IDLE:
        return False
    outer: FrameType | None = frame
    first = ""
    while outer is not None:
        module = str(outer.f_globals.get("__name__", ""))
        first = module if module != "threading" else first
        outer = outer.f_back
    return first.partition(".")[0] in packages
