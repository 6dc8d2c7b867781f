"""Limits that the kernel keeps for each process (POSIX): set by a role's process for itself before exec."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Mapping

from harness.execute import posix

_HEADROOM = 16
"""Extra open files, which a worker allows itself when its scenario is over, to report its end."""
_CPU_GRACE = 2
"""Seconds of CPU time after which the kernel ends a process that we have not: a worker that is alone in its cell."""


def arrange_limits(limits: Mapping[str, int], joined: str = "") -> Callable[[], None]:
    """Return the function that a child calls before exec: die with the runner, join the cgroup, lower its own limits.

    A process cannot raise a hard limit again, nor can its children. RLIMIT_AS and RLIMIT_DATA are left alone: a stack
    counts there with its maximum size, and a thousand threads that use nothing would exceed any limit. RLIMIT_NPROC
    counts all processes of the user, those of other programs too.

    Args:
        limits: all that hold for the cell.
        joined: file to which it writes its pid; empty for none.
    """
    die = posix.die_with_parent()

    def arrange() -> None:
        if die is not None:
            die()
        if joined:
            _join(joined)
        if "fds" in limits:
            _lower(resource.RLIMIT_NOFILE, limits["fds"], limits["fds"] + _HEADROOM)
        if "cpu" in limits:
            _lower(resource.RLIMIT_CPU, limits["cpu"] + _CPU_GRACE, limits["cpu"] + 2 * _CPU_GRACE)

    return arrange


def _join(path: str) -> None:
    # A process that does not get in is polled like any other; the runner checks which processes are in.
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, b"0")
        finally:
            os.close(fd)


def _lower(which: int, soft: int, hard: int) -> None:
    most = resource.getrlimit(which)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(which, (soft, hard))
