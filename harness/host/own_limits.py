"""State that a process of a cell sets for itself before its program begins: its end with the runner, cgroup and limits.

A process cannot raise a hard limit again, nor can its children. This imports little: a forked worker uses it too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Mapping

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_HEADROOM = 16
"""Extra open files, which a worker allows itself when its scenario is over, to report its end."""
_CPU_GRACE = 2
"""Seconds of CPU time after which the kernel ends a process that we have not: a worker that is alone in its cell."""


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (Linux); end it at once if that one is gone already."""
    if sys.platform != "linux":
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def join_cgroup(members: str) -> None:
    """Join the cgroup of a file, unless it is empty.

    A process that does not get in is polled like any other; the runner checks which processes are in.
    """
    if not members:
        return
    with contextlib.suppress(OSError):
        fd = os.open(members, os.O_WRONLY)
        try:
            os.write(fd, b"0")
        finally:
            os.close(fd)


def lower_limits(limits: Mapping[str, int]) -> None:
    """Lower the limits that the kernel keeps for each process, as far as they are among these.

    RLIMIT_AS and RLIMIT_DATA are left alone: a stack counts there with its maximum size, and a thousand threads that
    use nothing would exceed any limit. RLIMIT_NPROC counts all processes of the user, those of other programs too.
    """
    if "fds" in limits:
        _lower(resource.RLIMIT_NOFILE, limits["fds"], limits["fds"] + _HEADROOM)
    if "cpu" in limits:
        _lower(resource.RLIMIT_CPU, limits["cpu"] + _CPU_GRACE, limits["cpu"] + 2 * _CPU_GRACE)


def _lower(which: int, soft: int, hard: int) -> None:
    most = resource.getrlimit(which)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(which, (soft, hard))
