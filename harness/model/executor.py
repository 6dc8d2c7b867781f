"""How the process of a role is started, as a plugin brings it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Executor(msgspec.Struct, frozen=True, kw_only=True):
    """Builds the command with which the process of a role is started.

    Contract: the command ends in an exec of the one that it is given, with its pid, its process group and its open
    files. A program that starts it as a child and waits (strace, perf stat, sudo) does not: the process watched,
    signalled and measured then is that program, so its cells are refused.
    """

    name: str
    """What `--executor` calls it."""
    summary: str
    """Description on one line."""
    wrap: Callable[[tuple[str, ...], str], tuple[str, ...]]
    """Returns the command for the command of a worker and the name of its role, e.g. `nice` and its options before
    it. Called in the runner for each process, and must return at once; a program is found on the PATH."""
    find_problem: Callable[[], str] | None = None
    """Returns why it cannot be used on this host and what to install, or an empty string. Called before a run."""


LOCAL = Executor(name="local", summary="starts each process as it is", wrap=lambda command, _role: command)
"""The default executor."""
