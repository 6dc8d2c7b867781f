"""Run scenarios on uvloop: asyncio with a loop factory, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import uvloop

from harness_asyncio.backend import AsyncioRunner


class UvloopRunner(AsyncioRunner):
    """Run scenarios on uvloop with asyncio's own `Runner`, as uvloop's documentation shows."""

    name = "uvloop"

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(options)
        self._loop_factory = uvloop.new_event_loop
        self._loop_package = "uvloop"
