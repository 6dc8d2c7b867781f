"""Offers the planted scenarios."""

from harness.api import Scenario
from harness.plugins import hookimpl
from harness_planted.again import AGAIN
from harness_planted.greedy import GREEDY
from harness_planted.hangs import HANGS
from harness_planted.scenarios import PLANTED
from harness_planted.stalls import STALLS


@hookimpl
def harness_scenarios() -> list[Scenario]:
    return [*PLANTED, *GREEDY, *HANGS, *AGAIN, *STALLS]
