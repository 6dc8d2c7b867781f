"""Run generated programs on a healthy backend with one fault, under a chosen schedule."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from harness.api import Idle, ProgramMain, Runtime, Schedule, ScheduledRuns, UnhandledReport

from . import FAULTS

CONTROLLED = {
    "asyncio": "harness_asyncio.schedule:AsyncioSchedules",
    "trio": "harness_trio.schedule:TrioSchedules",
}
"""The healthy backends whose schedule can be controlled."""


class SaboteurSchedules:
    """The schedules of the healthy backend, whose runtime is wrapped."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._fault = FAULTS[options["fault"]]
        module, _, name = CONTROLLED[self._fault.control].partition(":")
        self._inner: ScheduledRuns = getattr(importlib.import_module(module), name)({})

    def run(self, main: ProgramMain, schedule: Schedule, unhandled: UnhandledReport, stuck: Callable[[], None]) -> None:
        """Run it on the healthy backend, broken."""

        async def broken(runtime: Runtime, idle: Idle) -> None:
            sabotaged: Any = self._fault.runtime(runtime)
            await main(sabotaged, idle)

        self._inner.run(broken, schedule, unhandled, stuck)
