"""Facts about the process that only POSIX systems give."""

from __future__ import annotations

import sys
from pathlib import Path


def read_peak_memory_bytes() -> int | None:
    """Return the largest resident size of this process so far, or `None` where the system does not say.

    On Linux that is not what getrusage says, which is at least the size of the process that started this one.
    """
    if sys.platform == "darwin":
        from resource import RUSAGE_SELF, getrusage

        return getrusage(RUSAGE_SELF).ru_maxrss
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), None)


def read_resident_bytes() -> int | None:
    """Return the resident size of this process, or `None` where the system does not say."""
    try:
        from resource import getpagesize

        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * getpagesize()
    except (ImportError, OSError):
        return None


def keep_to_cpus(number: int | None) -> int | None:
    """Keep the calling thread, and the threads that it starts from now on, to some of the CPUs that it may use.

    Args:
        number: How many, counted from the lowest; `None` for all, which changes nothing.

    Returns:
        How many CPUs the thread may use now, or `None` where the system does not say.
    """
    try:
        from os import sched_getaffinity, sched_setaffinity
    except ImportError:
        return None
    permitted = sorted(sched_getaffinity(0))
    if number is None or number >= len(permitted):
        return len(permitted)
    sched_setaffinity(0, permitted[:number])
    return number
