"""curio under a chosen schedule, on a virtual clock.

The kernel takes the next task from a deque and reads `time.monotonic`; both are replaced while a program runs.
"""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import curio
import curio.kernel
import curio.sched
import curio.task
from curio.traps import _read_wait

from harness.api import ProgramMain, Schedule, StuckError, UnhandledReport, UnsupportedError
from harness.explore.ordered import ordered_sets

from .backend import CurioRuntime, QueueRuntime, reported_crashes

_START = 1000.0
_RESOLUTION = 1e-9


def _ignore() -> None:
    """Do nothing: tasks that are stuck while the kernel shuts down have been judged."""


class _Kernel:
    """The clock, the selector and the ready queue of one kernel."""

    def __init__(self, schedule: Schedule, stuck: Callable[[], None]) -> None:
        self.stuck = stuck
        self.now = _START
        self.schedule = schedule
        self._selector = selectors.DefaultSelector()
        self._fds = list(os.pipe())
        self._rest_fd = self._fds[0]
        self._is_resting = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    def monotonic(self) -> float:
        """Return the virtual time."""
        return self.now

    def select(self, timeout: float | None = None) -> Any:
        """Return the ready tasks; move the clock where the kernel would wait."""
        events = self._selector.select(0)
        if events or timeout == 0:
            return events
        if timeout is not None:
            self.now += timeout + _RESOLUTION
            return events
        if not self._is_resting:
            self.stuck()
            raise StuckError("nothing can run")
        self._is_resting = False
        return [(self._selector.get_key(self._rest_fd), selectors.EVENT_READ)]

    async def idle(self) -> None:
        """Wait until nothing else can run and no timer is left."""
        self._is_resting = True
        try:
            await _read_wait(self._rest_fd)
        finally:
            self._is_resting = False

    def close(self) -> None:
        """Close the pipe that a resting task waits for, and the selector, which a broken kernel leaves open."""
        self._selector.close()
        while self._fds:
            os.close(self._fds.pop())

    def ready_queue(self) -> deque[Any]:
        """Return the queue that the kernel is to use."""
        queue = _ReadyQueue()
        queue.schedule = self.schedule
        return queue


class _ReadyQueue(deque[Any]):
    """Hands out ready tasks in the order of a schedule."""

    schedule: Schedule

    def popleft(self) -> Any:
        """Return the task that runs next."""
        if len(self) > 1 and isinstance(self[0], curio.Task):
            place = self.schedule.pick(list(self))
            chosen = self[place]
            del self[place]
            return chosen
        return super().popleft()


@contextmanager
def _replaced(kernel: _Kernel) -> Iterator[None]:
    # `time` has one clock for all: nothing but the program runs meanwhile.
    module: Any = curio.kernel
    monotonic, queue = time.monotonic, module.deque
    time.monotonic = kernel.monotonic
    if not kernel.schedule.native:
        module.deque = kernel.ready_queue
    try:
        yield
    finally:
        time.monotonic, module.deque = monotonic, queue


def _refuse(*_: object) -> NoReturn:
    raise UnsupportedError("a generated program has one scheduler and no threads")


class CurioSchedules:
    """Runs programs on fresh kernels."""

    keeps_order = True

    def __init__(self, options: Mapping[str, str]) -> None:
        self._runtime_class = QueueRuntime if options.get("channel") == "queue" else CurioRuntime

    def run(self, main: ProgramMain, schedule: Schedule, unhandled: UnhandledReport, stuck: Callable[[], None]) -> None:
        """Run `main` on a kernel, and drop the tasks that it leaves behind."""
        state = _Kernel(schedule, stuck)
        kind = type(self._runtime_class.__name__, (self._runtime_class,), {"now": staticmethod(state.monotonic)})
        with _replaced(state), ordered_sets(curio.task, curio.sched), reported_crashes(unhandled):
            kernel = curio.Kernel(selector=state)
            try:
                kernel.run(main, kind(kernel, unhandled, _refuse), state.idle)
            finally:
                state.stuck = _ignore
                with suppress(Exception, curio.CancelledError):  # tasks that are blocked for good, or a broken kernel
                    kernel.run(shutdown=True)
                state.close()
