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
