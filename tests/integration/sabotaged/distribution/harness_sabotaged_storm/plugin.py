"""Offers the sabotaged storms."""

from harness.api import Scenario
from harness.plugins import hookimpl
from harness_sabotaged_storm.scenarios import SABOTAGED


@hookimpl
def harness_scenarios() -> list[Scenario]:
    return SABOTAGED
