"""A cgroup (version 2) for each cell, where we may make one.

Nothing here needs root, and nothing is assumed: what cannot be done is found by trying it, and then the cell's
processes are polled instead.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from time import monotonic, sleep

_NEEDED = frozenset({"memory", "pids"})
_MOST_TASKS = 1 << 15
"""pids.max counts threads too, and a backend may have a thread for each task: it only stops what outruns us."""
_REMOVE_SECONDS = 1.0


class CellGroup:
    """The cgroup of one cell."""

    def __init__(self, parent: Path, limits: Mapping[str, int]) -> None:
        """Make it and set its limits.

        Raises:
            OSError: that is not allowed here.
        """
        self.path = parent / f"harness-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.path.mkdir()
        try:
            (self.path / "memory.max").write_text(f"{limits['memory']}\n")
            (self.path / "pids.max").write_text(f"{max(_MOST_TASKS, limits['processes'])}\n")
            for name, value in (("memory.oom.group", "1"), ("memory.swap.max", "0")):
                with contextlib.suppress(OSError):  # not in every kernel
                    (self.path / name).write_text(f"{value}\n")
        except OSError:
            self.remove()
            raise

    @property
    def members(self) -> str:
        """The file that a process writes its pid to, to join."""
        return str(self.path / "cgroup.procs")

    def pids(self) -> set[int]:
        """Return the processes that are in it."""
        return set(map(int, _read(self.path / "cgroup.procs").split()))

    def has_run_out_of_memory(self) -> bool:
        """Return whether the kernel has ended a process of it for its memory."""
        return any(_counts(self.path / "memory.events").get(name) for name in ("oom_kill", "oom_group_kill"))

    def cpu_seconds(self) -> float | None:
        """Return the CPU time of all processes that were in it, ended ones included; nothing if it is not reported."""
        used = _counts(self.path / "cpu.stat").get("usage_usec")
        return None if used is None else used / 1e6

    def kill(self) -> None:
        """End all processes in it at once, also those being forked (Linux 5.14)."""
        with contextlib.suppress(OSError):
            (self.path / "cgroup.kill").write_text("1\n")

    def remove(self) -> None:
        """Remove it; one that is not empty yet is waited for, a little."""
        deadline = monotonic() + _REMOVE_SECONDS
        while self.path.exists() and monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            sleep(0.01)


def make_group(limits: Mapping[str, int], root: Path | None = None) -> CellGroup | None:
    """Return a new cgroup for a cell, or nothing where we may not make one with limits.

    Args:
        limits: all that hold for the cell.
        root: folder of cgroups that may have ours; `None` is the one found on this host.
    """
    parent = find_parent() if root is None else root
    if parent is None:
        return None
    try:
        return CellGroup(parent, limits)
    except OSError:
        return None


@cache
def find_parent() -> Path | None:
    """Return the nearest cgroup above us that lets us make others beside or below us, with limits of their own."""
    return next(
        filter(_is_usable, _candidates(_read(Path("/proc/self/mounts")), _read(Path("/proc/self/cgroup")))), None
    )


def _candidates(mounts: str, membership: str) -> Iterator[Path]:
    """Yield our cgroup and those above it, nearest first."""
    mount = next((line.split()[1] for line in mounts.splitlines() if line.split()[2:3] == ["cgroup2"]), "")
    own = next((line[3:] for line in membership.splitlines() if line.startswith("0::")), "")
    if mount and own.startswith("/"):
        top = Path(mount)
        folder = top / own.lstrip("/")
        yield folder
        while folder != top:
            folder = folder.parent
            yield folder


def _is_usable(folder: Path) -> bool:
    # A cgroup with processes of its own cannot give controllers to those below it; the one above it does already.
    if not set(_read(folder / "cgroup.subtree_control").split()) >= _NEEDED:
        return False
    if not (os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)):
        return False
    try:
        CellGroup(folder, {"memory": 1 << 30, "processes": 1}).remove()
    except OSError:
        return False
    return True


def _counts(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
