"""Brings the scenarios about minipool. Imports neither minipool nor a runtime."""

from __future__ import annotations

from harness.api import Scenario
from harness.plugins import hookimpl

from .declaration import HANDOVER


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Bring them."""
    return [HANDOVER]
