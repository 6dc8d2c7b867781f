"""Limits that the kernel keeps for each process (POSIX): set by a role's process for itself before exec."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from harness.host.own_limits import die_with, join_cgroup, lower_limits


def arrange_limits(limits: Mapping[str, int], joined: str = "") -> Callable[[], None]:
    """Return the function that a child calls before exec: die with the runner, join the cgroup, lower its own limits.

    Args:
        limits: all that hold for the cell.
        joined: file to which it writes its pid; empty for none.
    """
    parent = os.getpid()

    def arrange() -> None:
        die_with(parent)
        join_cgroup(joined)
        lower_limits(limits)

    return arrange
