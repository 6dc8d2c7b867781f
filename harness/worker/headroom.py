"""A few fds more, for a worker's report when its scenario has used up all that it may."""

from __future__ import annotations

from contextlib import suppress
from resource import RLIMIT_NOFILE, getrlimit, setrlimit


def open_headroom() -> None:
    """Raise the soft limit of open files to the hard one: a traceback is read from files."""
    with suppress(OSError, ValueError):
        hard = getrlimit(RLIMIT_NOFILE)[1]
        setrlimit(RLIMIT_NOFILE, (hard, hard))
