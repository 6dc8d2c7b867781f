"""Running generated programs under a chosen schedule: an optional part of a backend, beside its runner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from .backend import UnhandledReport
from .errors import RuntimeContractError
from .runtime import Runtime

Idle = Callable[[], Awaitable[None]]
"""Returns when no other task can run and no timer is left: the program has come to rest."""


ProgramMain = Callable[[Runtime, Idle], Awaitable[None]]
"""A program that runs on a fresh runtime."""


class StuckError(RuntimeContractError):
    """Nothing can run any more, no timer is left, and no task waits for that."""


class Schedule(Protocol):
    """The order in which ready steps of tasks run. The same schedule makes the same decisions again."""

    name: str
    """As in a finding: `native`, `shuffle 17`."""
    native: bool
    """Whether the runtime keeps its own order: nothing is asked then, except the seed where that order is random."""
    seed: int
    """Seed for a runtime whose own order is random."""

    def pick(self, ready: Sequence[object]) -> int:
        """Return the index of the step that runs next; `ready` has the tasks in the runtime's own order."""

    def delay(self) -> int:
        """Return how many extra turns a task waits before it resumes, for a runtime whose queue is out of reach."""


class ScheduledRuns(Protocol):
    """Runs functions on fresh runtimes of one kind, each under a schedule. Created in a worker, like a runner.

    Contract: the clock is virtual (it jumps to the next timer when nothing is ready), so `main` may use neither
        descriptors nor threads. Nothing of one run is left for the next.
    """

    keeps_order: bool
    """Whether the runtime excludes other orders of ready tasks than its own: a failure that needs one is no defect."""

    def __init__(self, options: Mapping[str, str]) -> None: ...

    def run(self, main: ProgramMain, schedule: Schedule, unhandled: UnhandledReport, stuck: Callable[[], None]) -> None:
        """Run `main(runtime, idle)` to its end.

        `stuck` is called when nothing can run any more, before the remaining tasks are torn down.

        Raises:
            StuckError: nothing could run any more.
        """
