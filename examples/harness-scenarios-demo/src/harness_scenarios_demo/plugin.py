"""Brings the scenarios of the team."""

from __future__ import annotations

from harness.api import Scenario
from harness.plugins import hookimpl

from .pool import DRAIN


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Bring them."""
    return [DRAIN]
