"""Ask a scenario whether this host can run a cell, before any process of it starts."""

from __future__ import annotations

from harness.api import Scenario
from harness.model import Cell


def find_obstacle(scenario: Scenario, cell: Cell) -> str:
    """Return why a cell cannot be run here, or an empty string.

    A preflight that raises is a reason too: a plugin's mistake costs its own cells only.
    """
    if scenario.preflight is None:
        return ""
    parameters = {parameter.name: parameter.default for parameter in scenario.parameters}
    try:
        return scenario.preflight(parameters | cell.assigned)
    except Exception as exc:  # noqa: BLE001 - as it says
        return f"the preflight of {scenario.name} raised {type(exc).__name__}: {exc}"
