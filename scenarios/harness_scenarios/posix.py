"""Facts about the process that only POSIX systems give."""

from __future__ import annotations

import sys


def read_peak_memory_bytes() -> int | None:
    """Return the largest resident size of this process so far, or `None` where the system does not say."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return None
    peak = getrusage(RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


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
