"""Brings the exploration of the team."""

from __future__ import annotations

from harness.api import Scenario
from harness.plugins import hookimpl

from .latch import latch


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Bring it."""
    return [latch]
