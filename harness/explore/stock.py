"""Run programs on a runtime as it is: its own order, the real clock, no control at all.

This is how a finding is confirmed, and how a backend takes part that has no `ScheduledRuns`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.api import BackendRunner, ProgramMain, Runtime, Schedule, UnhandledReport

from .posix import others_sleep

UNIT = 0.004
"""Seconds of a time unit of a program on the real clock."""
_POLL = 0.002
_QUIET_POLLS = 5
"""Polls without a step after which a program that waits for no time has come to rest."""


class StockRuns:
    """Runs programs with a backend's own runner; `activity` says how far one is, and whether it waits for time."""

    keeps_order = False

    def __init__(self, runner: BackendRunner) -> None:
        self._runner = runner
        self.activity: Callable[[], tuple[int, bool]] = lambda: (0, False)

    def run(self, main: ProgramMain, schedule: Schedule, unhandled: UnhandledReport, stuck: Callable[[], None]) -> None:
        """Run `main`; the schedule is the runtime's own, and a stuck program is ended from outside."""
        del schedule, stuck

        async def attend(runtime: Runtime) -> None:
            async def idle() -> None:
                await self._until_quiet(runtime)

            await main(runtime, idle)

        self._runner.run(attend, unhandled)

    async def _until_quiet(self, runtime: Any) -> None:
        seen, quiet = -1, 0
        while quiet < _QUIET_POLLS:
            await runtime.sleep(_POLL)
            steps, is_timed = self.activity()
            is_quiet = not is_timed and steps == seen and others_sleep()
            quiet = quiet + 1 if is_quiet else 0
            seen = steps
