"""POSIX calls of the journal."""

from __future__ import annotations

import fcntl


def lock(fd: int) -> bool:
    """Lock a file for this process until it is closed or the process ends; return whether no other process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
