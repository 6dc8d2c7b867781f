"""The executors that come with harness, brought by the hook that other plugins have."""

from __future__ import annotations

import shutil

from harness.model import LOCAL, Executor
from harness.plugins import hookimpl

_NICENESS = 10
"""Gets about a tenth of the CPU time of a process that is not nice, where both want it."""


@hookimpl
def harness_executors() -> list[Executor]:
    """Bring the one that changes nothing, and one that lets other work on this machine have precedence."""
    summary = f"lets other programs have precedence (nice {_NICENESS}), while you work on the same machine"
    return [LOCAL, Executor(name="nice", summary=summary, wrap=_wrap_in_nice, find_problem=_find_problem_of_nice)]


def _wrap_in_nice(command: tuple[str, ...], _role: str) -> tuple[str, ...]:
    return ("nice", "-n", str(_NICENESS), *command)


def _find_problem_of_nice() -> str:
    return "" if shutil.which("nice") else "there is no program nice; it is in the package coreutils"
