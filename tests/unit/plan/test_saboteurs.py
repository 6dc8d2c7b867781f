"""Which saboteurs `--saboteurs` runs: scenarios name the faults that they must catch, a fault may name scenarios."""

import msgspec
import pytest
from catalogue import catalogue, scenario

from harness.api import Backend, BackendOption, Saboteur
from harness.model import Request, UsageError
from harness.plan import make_plan

FAULT = BackendOption(name="fault", default="deaf", choices=("deaf", "dumb", "blind"), summary="")
BROKEN = Backend(name="broken", summary="", runner="nowhere:Broken", options=(FAULT,), control="alpha")
DEAF = Saboteur(name="deaf", summary="hears nothing", spec="broken:fault=deaf")
DUMB = Saboteur(name="dumb", summary="says nothing", spec="broken:fault=dumb")


def plan(*asked, saboteurs=(DEAF, DUMB), broken=BROKEN):
    """Plan `--saboteurs` on scenarios, given as name and what each catches."""
    built = catalogue()
    scenarios = {name: msgspec.structs.replace(scenario(name), catches=catches) for name, catches in asked}
    full = msgspec.structs.replace(
        built,
        backends={**built.backends, "broken": broken},
        scenarios=scenarios,
        saboteurs={saboteur.name: saboteur for saboteur in saboteurs},
    )
    return make_plan(Request(saboteurs=True, preset="quick"), full)


def labels(made, name):
    """Return the backends that a scenario is run on."""
    return sorted(cell.label for cell in made.cells if cell.scenario == name)


def test_a_scenario_runs_on_the_faults_that_it_names_and_their_control():
    """One that names none is not run at all."""
    made = plan(("ear", ("deaf",)), ("both", ("dumb", "deaf")), ("idle", ()))
    assert labels(made, "ear") == ["alpha", "broken:fault=deaf"]
    assert labels(made, "both") == ["alpha", "broken:fault=deaf", "broken:fault=dumb"]
    assert labels(made, "idle") == []


def test_a_fault_may_name_scenarios_of_other_plugins():
    """By globs, so that the saboteur of a third party runs on scenarios that do not know it."""
    blind = Saboteur(name="blind", summary="", spec="broken:fault=blind", caught_by=("ey*",))
    made = plan(("eye", ()), ("ear", ("deaf",)), saboteurs=(DEAF, blind))
    assert labels(made, "eye") == ["alpha", "broken:fault=blind"]
    assert labels(made, "ear") == ["alpha", "broken:fault=deaf"]


def test_a_fault_that_no_plugin_brings():
    """Left out in silence it would make the score too good."""
    with pytest.raises(UsageError, match="scenario 'ear' catches a fault 'daef', which no plugin brings; did you mean"):
        plan(("ear", ("daef",)))


def test_a_saboteur_without_a_control():
    """Nothing would show that the fault, and not the backend, is what was caught."""
    healthy = msgspec.structs.replace(BROKEN, control="")
    with pytest.raises(UsageError, match="backend 'broken' of saboteur broken:fault=deaf declares no healthy control"):
        plan(("ear", ("deaf",)), broken=healthy)
