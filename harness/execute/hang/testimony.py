"""Report of a hung worker, as the runner reads it; `harness.worker.inspection` writes it."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.api import Resource
from harness.wire import INSPECTION, decode_line


class TaskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One task that does not run."""

    name: str
    place: str
    """`file:line in function`, the scenario's innermost frame."""
    waits_for: str = ""
    """A value of `harness.api.Wait`; empty where it is unknown."""
    is_internal: bool = False
    """Whether no frame of it is the scenario's: it is the runtime's own."""
    holds: tuple[Resource, ...] = ()
    on: Resource | None = None
    """The object of the wait: a lock, or another object of the runtime."""
    depth: int = 0
    """Levels below the root of the runtime's tree of tasks."""
    overdue: float | None = None
    """Seconds since the time that it sleeps until."""
    time_left: float | None = None
    """Seconds until its time-out ends."""
    seen_at: float | None = None
    """The first look that saw it in this wait, in seconds of the probe's clock."""
    elsewhere_at: float | None = None
    """The last look that saw it in another one."""

    def __str__(self) -> str:
        return f"{self.name} waits for {self.waits_for or 'something'} in {self.place}"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The task that the scheduler is running."""

    place: str
    innermost: str


class ThreadFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A Python thread. `is_idle`: it is in the library only, as the worker of a pool is that has no job.

    `waits_for_ended`: it is in a call of a bridge whose scheduler has ended.
    """

    name: str
    native: int
    place: str
    is_idle: bool
    waits_for_ended: bool = False


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """The last report of a worker."""

    look: int
    at: float = 0.0
    """When, in seconds of the probe's clock."""
    seconds: float = 0.0
    """Since the first look; `cpu` likewise, of the main thread."""
    cpu: float = 0.0
    turns: dict[str, int] = {}
    """How often tasks gave way to the scheduler since, by place."""
    calls: dict[str, int] = {}
    """What tasks awaited without giving way, by place."""
    tasks_are_threads: bool = False
    running: Running | None = None
    tasks: tuple[TaskFacts, ...] = ()
    threads: tuple[ThreadFacts, ...] = ()
    timers: int = 0
    """Timers and deadlines that are still to come; less than 0 if unknown."""
    error: str = ""
    """Why the tasks are not those that the runtime describes itself."""

    @property
    def own_tasks(self) -> tuple[TaskFacts, ...]:
        """The tasks that are the scenario's, or whose wait is known."""
        return tuple(task for task in self.tasks if not task.is_internal)


def read_inspection(stacks: str) -> Inspection | None:
    """Return the last whole inspection that a worker wrote; nothing if there is none."""
    lines: list[Any] = [line for line in stacks.splitlines(keepends=True) if line.startswith(INSPECTION)]
    for line in reversed(lines):
        try:
            found: Inspection = decode_line(line.removeprefix(INSPECTION).encode(), Inspection)
        except msgspec.DecodeError:  # it is still being written
            continue
        return found
    return None


def without_inspection(stacks: str) -> str:
    """Return the part for people to read."""
    return "".join(line for line in stacks.splitlines(keepends=True) if not line.startswith(INSPECTION))
