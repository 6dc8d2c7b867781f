"""Each fault breaks what it says, and a question that must see it does; the healthy backend is asked too."""

from __future__ import annotations

import pytest

from harness.api import Bounded, Exact, Grade, Outcomes
from harness.plugins import Plugins
from harness.testing.saboteurs import FAULTS
from harness.testing.saboteurs.runner import SaboteurRunner
from harness.testing.saboteurs.wrapping import Wrapped

CATALOGUE = Plugins().catalogue()
QUESTIONS = {
    fault.name: next(CATALOGUE.scenarios[name] for name in fault.caught_by if name in CATALOGUE.scenarios)
    for fault in FAULTS.values()
    if any("." in name and name in CATALOGUE.scenarios for name in fault.caught_by)
}
