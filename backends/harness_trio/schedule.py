"""trio under a chosen schedule, on a virtual clock.

trio runs ready tasks in batches, and shuffles each batch when its scheduling is deterministic (as `pytest-trio` asks
for); here the schedule takes the place of that shuffle. The native order is trio's own coin, from the schedule's seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import trio
from trio._core import _run

from harness.api import ProgramMain, Schedule, StuckError, UnhandledReport, UnsupportedError
from harness.explore.ordered import ordered_sets

from .backend import TrioRuntime

_MOST_POLLS = 10
"""How often trio is let look at its descriptors before nothing can run: the end of a run takes three."""


class _JumpingClock(trio.abc.Clock):
    """A clock that jumps to the next deadline when nothing is ready: only then does trio ask how long to sleep."""

    def __init__(self, stuck: Callable[[], None]) -> None:
        self._stuck = stuck
        self._now = 0.0
        self._resting: Any = None
        self._polls = 0

    def start_clock(self) -> None:
        """Do nothing: it shows 0."""

    def current_time(self) -> float:
        """Return the virtual time."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to the deadline; without one, wake the task that waits for the rest.

        Raises:
            StuckError: there is none.
        """
        if deadline < float("inf"):
            self._now = max(self._now, deadline)
            self._polls = 0
            return 0
        self._polls += 1  # trio's own tasks wait for a descriptor, which is looked at only after this call
        if self._resting is not None and self._polls > 1:
            trio.lowlevel.reschedule(self._resting)
            self._resting = None
            self._polls = 0
        elif self._polls > _MOST_POLLS:
            self._stuck()
            raise StuckError("nothing can run")
        return 0

    async def idle(self) -> None:
        """Wait until nothing else can run and no deadline is left."""
        self._resting = trio.lowlevel.current_task()

        def abort(_raise: Any) -> trio.lowlevel.Abort:
            self._resting = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)


class _Order:
    """What trio calls to shuffle a batch, which it then runs from the end."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._coin = random.Random(schedule.seed)  # noqa: S311 - an order, not a secret
        self.random = self._coin.random
        self.uniform = self._coin.uniform

    def shuffle(self, batch: list[Any]) -> None:
        """Put a batch in the order of the schedule."""
        left = list(batch)
        for place in range(len(batch) - 1, 0, -1):
            batch[place] = left.pop(self._schedule.pick(left))
        if batch:
            batch[0] = left[0]


@contextmanager
def _ordered(schedule: Schedule) -> Iterator[None]:
    module: Any = _run
    before = module._r, module._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 - trio has no other switch for it
    module._r, module._ALLOW_DETERMINISTIC_SCHEDULING = _Order(schedule), not schedule.native  # noqa: SLF001
    try:
        yield
    finally:
        module._r, module._ALLOW_DETERMINISTIC_SCHEDULING = before  # noqa: SLF001


def _refuse(*_: object) -> NoReturn:
    raise UnsupportedError("a generated program has one scheduler and no threads")


class TrioSchedules:
    """Runs programs with `trio.run`."""

    keeps_order = False

    def __init__(self, options: Mapping[str, str]) -> None:
        self._abandon = options.get("offload", "wait") == "abandon"

    def run(self, main: ProgramMain, schedule: Schedule, unhandled: UnhandledReport, stuck: Callable[[], None]) -> None:
        """Run `main`; trio loses no exception."""
        del unhandled
        clock = _JumpingClock(stuck)
        with ExitStack() as after, _ordered(schedule), ordered_sets(_run):

            async def attend() -> None:
                await main(TrioRuntime(after, _refuse, abandon_on_cancel=self._abandon), clock.idle)

            try:
                trio.run(attend, clock=clock)
            except trio.TrioInternalError as exc:
                if isinstance(exc.__cause__, StuckError):
                    raise exc.__cause__ from None
                raise
