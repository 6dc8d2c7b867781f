"""A scenario is asked before a process starts, and its answer is the reason."""

from collections.abc import Mapping

from harness.api import Parameter, Scenario
from harness.execute import execute
from harness.execute.cell.preflight import find_obstacle
from harness.model import BackendSpec, Cell, CellFinished, Outcome, Plan, RoleBackend
from harness.plugins import Catalogue


async def never(runtime, probe):
    """A role that must not be started."""


def scenario(preflight):
    """Return a scenario with a preflight, whose role no worker could find."""
    return Scenario(
        name="s",
        question="?",
        contract=("c",),
        ref="nowhere:nothing",
        roles={"main": never},
        parameters=(
            Parameter(name="rate", default=200, summary=""),
            Parameter(name="mode", default="rate", summary=""),
        ),
        judges={},
        headline="",
        rows={},
        preflight=preflight,
    )


CELL = Cell(scenario="s", roles=(RoleBackend("main", BackendSpec("b")),), parameters=(("rate", 500),))


def test_a_scenario_without_a_preflight_runs():
    """There is nobody to ask."""
    assert find_obstacle(scenario(None), CELL) == ""


def test_every_declared_parameter_is_given():
    """Those of the cell, and the defaults of the others."""
    asked: list[Mapping[str, object]] = []
    assert find_obstacle(scenario(lambda parameters: asked.append(parameters) or ""), CELL) == ""
    assert asked == [{"rate": 500, "mode": "rate"}]


def test_a_preflight_that_raises_is_a_reason():
    """It names the scenario; it is not the harness's fault."""

    def preflight(parameters):
        raise KeyError("sources")

    assert find_obstacle(scenario(preflight), CELL) == "the preflight of s raised KeyError: 'sources'"


def test_a_refused_cell_is_not_run_and_starts_nothing(tmp_path):
    """One event, with the reason, and no evidence."""
    refusing = scenario(lambda parameters: "the backlog is too short")
    catalogue = Catalogue(backends={}, scenarios={"s": refusing}, renderers={}, plugins=())
    (event,) = execute(Plan(cells=(CELL,)), catalogue, tmp_path)
    assert isinstance(event, CellFinished)
    assert (event.result.outcome, event.result.reason) == (Outcome.NOT_RUN, "the backlog is too short")
    assert list(tmp_path.iterdir()) == []
