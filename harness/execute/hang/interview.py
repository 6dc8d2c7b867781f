"""Collect stacks, tasks and scheduler activity from hung roles before killing them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from harness.execute import procfs
from harness.execute.role.process import RoleProcess

from .autopsy import IDLE_SHARE
from .testimony import read_inspection

_TICK = 0.05
_WINDOW = 0.25
_STACKS_WAIT = 0.5
_LONGEST_WAIT = 3.0
_ENOUGH_CPU = 0.1
"""Seconds of CPU that a main thread must have had before its silence, or that nothing turned, means anything: on a
crowded machine a window of wall time can pass without it."""
_MOST_LOOKS = 12
_IDLE_LOOKS = 2


def dump_stacks(roles: Sequence[RoleProcess]) -> None:
    """Have the roles write their stacks and tasks; their stacks only where the interpreter does not answer."""
    _ask(roles, RoleProcess.request_tasks, _has_answered)
    _ask([role for role in roles if not role.stacks()], RoleProcess.request_stacks, lambda role: bool(role.stacks()))


def _has_answered(role: RoleProcess) -> bool:
    stacks = role.stacks()
    return read_inspection(stacks) is not None if role.has_started else bool(stacks)


def observe_cpu(roles: Sequence[RoleProcess]) -> dict[RoleProcess, dict[int, float]]:
    """Return which share of a CPU each thread of each role takes, over a quarter of a second."""
    before = {role: procfs.read_thread_cpu(role.pid) for role in roles}
    started = time.monotonic()
    time.sleep(_WINDOW)
    seconds = time.monotonic() - started
    return {
        role: {
            thread: (used - before[role].get(thread, used)) / seconds
            for thread, used in procfs.read_thread_cpu(role.pid).items()
        }
        for role in roles
    }


def observe_turns(roles: Sequence[RoleProcess], cpu: Mapping[RoleProcess, Mapping[int, float]]) -> None:
    """Ask for tasks again until it is known whether the schedulers turn. The first answer started the count."""
    asked = [role for role in roles if read_inspection(role.stacks()) is not None]
    for look in range(2, _MOST_LOOKS + 2):
        asked = [
            role for role in asked if not _is_settled(role, look, is_busy=cpu[role].get(role.pid, 0.0) > IDLE_SHARE)
        ]
        if not asked:
            return
        time.sleep(_WINDOW)
        _ask(asked, RoleProcess.request_tasks, lambda role, look=look: _has_look(role, look))  # type: ignore[misc]


def _has_look(role: RoleProcess, look: int) -> bool:
    inspection = read_inspection(role.stacks())
    return inspection is not None and inspection.look >= look


def _is_settled(role: RoleProcess, look: int, *, is_busy: bool) -> bool:
    inspection = read_inspection(role.stacks())
    if inspection is None or inspection.look < look - 1:
        return True  # it no longer answers
    if inspection.look == 1:
        return False
    if inspection.turns or inspection.cpu >= _ENOUGH_CPU:
        return True
    return inspection.look >= _IDLE_LOOKS and not (is_busy and inspection.running)


def _ask(
    roles: Sequence[RoleProcess], request: Callable[[RoleProcess], None], is_there: Callable[[RoleProcess], bool]
) -> None:
    """Ask roles for something, and wait until it is there or they have had the time for it."""
    if not roles:
        return
    asked = [(role, procfs.main_thread_cpu(role.pid)) for role in roles]
    for role in roles:
        request(role)
    started = time.monotonic()
    sizes: list[int] = []
    while (waited := time.monotonic() - started) < _LONGEST_WAIT:
        time.sleep(_TICK)
        before, sizes = sizes, [len(role.stacks()) for role in roles]
        if sizes == before and all(map(is_there, roles)):
            return
        if waited > _STACKS_WAIT and all(is_there(role) or _had_time(role, cpu) for role, cpu in asked):
            return


def _had_time(role: RoleProcess, before: float | None) -> bool:
    """Return whether a role could have answered: it has had the CPU since."""
    now = procfs.main_thread_cpu(role.pid)
    return before is None or now is None or now - before >= _ENOUGH_CPU
