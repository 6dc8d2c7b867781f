"""uvloop under a chosen schedule: its queue is out of reach, so tasks take extra turns; timers are virtual."""

from __future__ import annotations

from collections.abc import Mapping

import uvloop

from harness_asyncio.schedule import AsyncioSchedules


class UvloopSchedules(AsyncioSchedules):
    """Runs programs on uvloop."""

    name = "uvloop"

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(options)
        self._other_loop = uvloop.new_event_loop
