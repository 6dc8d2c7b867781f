"""The limits of a cell while it runs: its usage, the means of enforcement, and the exceeded limit."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from time import monotonic

import msgspec

from harness.model import DEFAULT_LIMITS, Cell, ErrorReport, Outcome, RoleResult, format_limit

from .cgroup import CellGroup, find_parent, make_group
from .rlimits import arrange_limits
from .usage import ProcessUsage, count_oom_kills, read_open_files, read_own_bytes, read_usage

_POLL_SECONDS = 0.1
_POLL_SHARE = 0.02
"""Of one CPU, that polling may take: on a host with thousands of processes it is done less often."""
_MANY_FILES = "[Errno 24]"
_NO_MEMORY = (
    "SIGKILL, while this host or a cgroup above the runner ran out of memory (the kernel's OOM killer); give it more "
    "memory, or run fewer cells at a time"
)
POLLING = "polling of the process tree"
CGROUP = "cgroup v2"


def describe_limits(chosen: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Return each limit that holds on this host, with its value and the means, as it is stored with a run.

    Args:
        chosen: the limits that the user set, by name.
    """
    limits = DEFAULT_LIMITS | dict(chosen)
    has_group = find_parent() is not None
    means = {
        "memory": f"{CGROUP} (memory.max)" if has_group else POLLING,
        "processes": f"{CGROUP} (cgroup.procs, polled)" if has_group else POLLING,
        "cpu": f"{CGROUP} (cpu.stat, polled) and RLIMIT_CPU" if has_group else f"{POLLING} and RLIMIT_CPU",
        "output": "the runner, which reads it",
        "fds": "RLIMIT_NOFILE",
    }
    said = {name: f"{format_limit(name, value)} by {means[name]}" for name, value in sorted(limits.items())}
    return {"fds": "as many as the host gives, by RLIMIT_NOFILE", **said}


class CellLimits:
    """The limits of one cell, and their enforcement."""

    def __init__(
        self,
        cell: Cell,
        spared: Collection[int],
        cgroup_root: Path | None = None,
        *,
        own: Collection[str] = (),
    ) -> None:
        """Make the cell's cgroup, where that is possible.

        Args:
            cell: that the limits apply to.
            spared: children of ours that are not the cell's.
            cgroup_root: as in `make_group`.
            own: limits that a perturbation of the cell sets itself; meeting one exceeds none of the cell's.
        """
        self.values: Mapping[str, int] = DEFAULT_LIMITS | dict(cell.limits)
        self._counts_files = "fds" in self.values and "fds" not in own
        self._spared = spared
        self._group: CellGroup | None = make_group(self.values, cgroup_root)
        self._next = 0.0
        self._oom_kills = count_oom_kills()

    def before_exec(self) -> Callable[[], None]:
        """Return the function that each role's process calls before exec."""
        return arrange_limits(self.values, self.cgroup)

    @property
    def cgroup(self) -> str:
        """The file that a process writes its pid to, to join the cell's cgroup; empty where there is none."""
        return self._group.members if self._group is not None else ""

    @property
    def output_bytes(self) -> int:
        """How much a role may write to stdout and stderr."""
        return self.values["output"]

    def find_exceeded(self, roots: Collection[int], *, is_due: bool = False) -> str:
        """Return the exceeded limit, with its value and the means that found it, or an empty string.

        Args:
            roots: the processes of the roles that run.
            is_due: whether to look even if the last time was a moment ago.
        """
        started = monotonic()
        if started < self._next and not is_due:
            return ""
        found = self._look(read_usage(roots, self._spared))
        self._next = monotonic() + max(_POLL_SECONDS, (monotonic() - started) / _POLL_SHARE)
        return found

    def _look(self, usages: Sequence[ProcessUsage]) -> str:
        group = self._group.pids() if self._group is not None else set()
        number, cpu = len(group | {usage.pid for usage in usages}), self._count_cpu(usages)
        if self._has_run_out_of_memory():
            return self._say("memory", f"{CGROUP} (memory.max)")
        if number > self.values["processes"]:
            return self._say("processes", CGROUP if group else POLLING, f"{number} at one time")
        if cpu > self.values["cpu"]:
            return self._say("cpu", CGROUP if group else POLLING, f"{cpu:.1f} s used")
        if held := self._find_memory(usages):
            return self._say("memory", POLLING, f"{format_limit('memory', held)} held")
        if self._counts_files and any(read_open_files(usage.pid) >= self.values["fds"] for usage in usages):
            return self._say("fds", "RLIMIT_NOFILE", "all of them open")
        return ""

    def _count_cpu(self, usages: Sequence[ProcessUsage]) -> float:
        """Return the CPU time so far. The time of ended processes is in the figures of their parents."""
        if self._group is not None and (used := self._group.cpu_seconds()) is not None:
            return used
        return sum(usage.cpu for usage in usages)

    def _find_memory(self, usages: Sequence[ProcessUsage]) -> int:
        resident = sum(usage.resident_bytes for usage in usages)
        if resident <= self.values["memory"]:
            return 0
        held = read_own_bytes([usage.pid for usage in usages], resident)  # what forks share is there once
        return held if held > self.values["memory"] else 0

    def _has_run_out_of_memory(self) -> bool:
        return self._group is not None and self._group.has_run_out_of_memory()

    def explain(self, role: RoleResult) -> RoleResult:
        """Return the result of a role, as `LIMIT` if it ended by a limit before any check saw it."""
        if role.outcome not in (Outcome.CRASHED, Outcome.RAISED):
            return role
        if role.exit_code == -signal.SIGKILL and self._has_run_out_of_memory():
            return _limited(role, self._say("memory", f"{CGROUP} (memory.max)"))
        if role.exit_code == -signal.SIGKILL and count_oom_kills() > self._oom_kills:
            return msgspec.structs.replace(role, outcome=Outcome.INVALID_ENV, reason=_NO_MEMORY)
        if role.exit_code == -signal.SIGXCPU:
            return _limited(role, self._say("cpu", "RLIMIT_CPU"))
        if self._counts_files and role.outcome is Outcome.RAISED and _lacks_files(role.error):
            return _limited(role, self._say("fds", "RLIMIT_NOFILE", role.reason))
        return role

    def kill(self) -> None:
        """End all of the cell's processes at once, where the system can."""
        if self._group is not None:
            self._group.kill()

    def close(self) -> None:
        """End the remaining processes in the cgroup, and remove it."""
        if self._group is not None:
            self._group.kill()
            self._group.remove()

    def say_output(self) -> str:
        """Return the reason of a role that wrote too much."""
        return self._say("output", "the runner, which reads it")

    def _say(self, name: str, means: str, detail: str = "") -> str:
        limit = f"exceeded the limit {name}={format_limit(name, self.values[name])}"
        return f"{limit}: {detail} (by {means})" if detail else f"{limit} (by {means})"


def _limited(role: RoleResult, reason: str) -> RoleResult:
    return msgspec.structs.replace(role, outcome=Outcome.LIMIT, reason=reason)


def _lacks_files(error: ErrorReport | None) -> bool:
    return error is not None and any(_MANY_FILES in text for text in (error.message, error.traceback, *error.leaves))
