"""Declare the explorations. Imports no runtime."""

from __future__ import annotations

from harness.api import Scenario
from harness.plugins import hookimpl


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Return an exploration for each family of programs."""
    from .orders import orders
    from .scenarios import EXPLORATIONS

    return [*EXPLORATIONS, orders]
