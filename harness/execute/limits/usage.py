"""Current resource usage of the processes of a cell: from /proc where there is one, else from psutil."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_LINUX = sys.platform == "linux"
_TICKS = os.sysconf("SC_CLK_TCK") if _LINUX else 1
_PAGE = os.sysconf("SC_PAGE_SIZE") if _LINUX else 1
_RSS_FIELD = 21
_CPU_FIELDS = slice(11, 15)
"""User and system time, its own and that of children that it has waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUsage:
    """One process. Seconds and bytes; `cpu` includes the children that it has waited for."""

    pid: int
    cpu: float
    resident_bytes: int


def read_usage(roots: Collection[int], spared: Collection[int]) -> list[ProcessUsage]:
    """Return the processes below `roots`, and those that fell to us when their parent ended.

    Args:
        roots: the roles' processes.
        spared: children of ours that are not the cell's.
    """
    return list(_from_proc(roots, spared) if _LINUX else _from_psutil(roots))


def read_open_files(pid: int) -> int:
    """Return how many fds a process has open; 0 if it is gone or they cannot be read."""
    try:
        if not _LINUX:
            return int(psutil.Process(pid).num_fds())
        folder = f"/proc/{pid}/fd"
        # The folder's size is their number, since Linux 6.2; before that it is 0.
        return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208 - ten times a second
    except (OSError, psutil.Error):
        return 0


def read_own_bytes(pids: Collection[int], resident_bytes: int) -> int:
    """Return the memory of processes with shared pages counted once, if the kernel reports it; or `resident_bytes`."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
                total += next(int(line.split()[1]) for line in file if line.startswith(b"Pss:")) * 1024
        except FileNotFoundError:
            if Path("/proc/self/smaps_rollup").exists():
                continue  # the process is gone
            return resident_bytes
        except ProcessLookupError:
            continue
        except (OSError, StopIteration):
            return resident_bytes
    return total


def _from_proc(roots: Collection[int], spared: Collection[int]) -> Iterator[ProcessUsage]:
    children: dict[int, list[ProcessUsage]] = defaultdict(list)
    found: list[ProcessUsage] = []
    own = os.getpid()
    for name in os.listdir("/proc"):  # noqa: PTH208 - ten times a second
        if name.isdigit() and (read := _read_stat(int(name))) is not None:
            parent, usage = read
            if usage.pid in roots or (parent == own and usage.pid not in spared):
                found.append(usage)
            else:
                children[parent].append(usage)
    while found:
        usage = found.pop()
        yield usage
        found += children.pop(usage.pid, ())


def _read_stat(pid: int) -> tuple[int, ProcessUsage] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if fields[:1] in ([b"Z"], [b"X"]) or len(fields) <= _RSS_FIELD:
        return None
    cpu = sum(map(int, fields[_CPU_FIELDS])) / _TICKS
    return int(fields[1]), ProcessUsage(pid=pid, cpu=cpu, resident_bytes=int(fields[_RSS_FIELD]) * _PAGE)


def _from_psutil(roots: Collection[int]) -> Iterator[ProcessUsage]:
    for root in roots:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(root)
            for one in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = one.cpu_times()
                    cpu = times.user + times.system + times.children_user + times.children_system
                    yield ProcessUsage(pid=one.pid, cpu=cpu, resident_bytes=one.memory_info().rss)


def count_oom_kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """Return the number of processes that the kernel has ended for lack of memory; 0 where it is not reported."""
    with contextlib.suppress(OSError):
        for line in vmstat.read_bytes().splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0
