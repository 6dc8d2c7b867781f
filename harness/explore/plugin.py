"""Declare the explorations. Imports no runtime."""

from __future__ import annotations

from harness.api import Perturbation, Scenario
from harness.plugins import hookimpl


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Return an exploration for each family of programs."""
    from .orders import orders
    from .scenarios import EXPLORATIONS

    return [*EXPLORATIONS, orders]


@hookimpl
def harness_perturbations() -> list[Perturbation]:
    """Bring the orders of steps under which questions are asked again."""
    from .orders import SCHEDULES

    return [SCHEDULES]
