"""Run scenarios on uvloop: asyncio with a loop factory, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import uvloop

from harness.api import CapabilityCheck
from harness_asyncio.backend import AsyncioRunner
from harness_asyncio.checks import make_checks


class UvloopRunner(AsyncioRunner):
    """Run scenarios on uvloop with asyncio's own `Runner`, as uvloop's documentation shows."""

    name = "uvloop"

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(options)
        self._loop_factory = uvloop.new_event_loop
        self._loop_package = "uvloop"


def list_checks(options: Mapping[str, str]) -> tuple[CapabilityCheck, ...]:
    """Return the checks of uvloop's event loop."""
    del options
    return make_checks(uvloop.new_event_loop)
