"""(Request, Catalogue) → Plan."""

from collections import Counter

import msgspec
import pytest
from catalogue import catalogue

from harness.api import Backend, Capability, Parameter
from harness.execute.role.job import make_job
from harness.model import NothingSelectedError, Request, UsageError
from harness.plan import make_plan, parse_spec, plan_rounds


def plan(**request):
    return make_plan(Request(**request), catalogue())


def ids(made):
    return sorted(cell.id for cell in made.cells)


def test_everything_on_everything():
    """No selection is all backends and all scenarios; what a backend lacks is skipped with its own words."""
    made = plan(preset="quick")
    assert ids(made) == [
        "guard@alpha#1",
        "pipe[capacity=1]@alpha#1",
        "pipe[capacity=1]@beta#1",
        "pipe[capacity=none]@alpha#1",
        "pipe[capacity=none]@beta#1",
        "shout@alpha#1",
        "shout@beta#1",
    ]
    assert [(skip.cell.id, skip.reason) for skip in made.skipped] == [
        ("guard@beta#1", "beta has no shield: nobody built it")
    ]
    assert (list(map(str, made.backends)), made.scenarios) == (["alpha", "beta"], ("guard", "pipe", "shout"))


def test_a_value_may_need_a_capability():
    """Rows that have it are skipped where it is absent; those with the default run."""
    known = catalogue()
    loud = Parameter(name="loud", default=False, summary="how", requires=(Capability.SHIELD,))
    rows = {"quick": ({}, {"loud": True})}
    shout = msgspec.structs.replace(known.scenarios["shout"], parameters=(loud,), rows=rows)
    made = make_plan(Request(preset="quick"), msgspec.structs.replace(known, scenarios={"shout": shout}))
    assert ids(made) == ["shout@alpha#1", "shout@beta#1", "shout[loud=true]@alpha#1"]
    assert [(skip.cell.id, skip.reason) for skip in made.skipped] == [
        ("shout[loud=true]@beta#1", "beta has no shield: nobody built it")
    ]


@pytest.mark.parametrize(
    ("declared", "ran"),
    [({"runs_on": ("beta",)}, ["beta"]), ({"native": {"alpha": "nowhere:body"}}, ["alpha"]), ({}, ["alpha", "beta"])],
)
def test_a_scenario_runs_where_it_is_written_for(declared, ran):
    """Elsewhere it is unsupported by its declaration, which names the backends that it has a body for."""
    known = catalogue()
    pipe = msgspec.structs.replace(known.scenarios["pipe"], **declared)
    known = msgspec.structs.replace(known, scenarios={"pipe": pipe})
    made = make_plan(Request(), known)
    assert sorted({str(cell.roles[0].backend) for cell in made.cells}) == ran
    assert {skip.reason for skip in made.skipped} == ({f"pipe is written for {ran[0]}"} if len(ran) == 1 else set())


@pytest.mark.parametrize(("backend", "body"), [("alpha", "a:body"), ("derived", "a:body"), ("beta", "")])
def test_a_native_body_serves_the_backends_built_on_its_runtime(backend, body):
    """It goes into the job of the worker, which alone imports it."""
    known = catalogue()
    backends = {**known.backends, "derived": Backend(name="derived", summary="", runner="", derives_from="alpha")}
    pipe = msgspec.structs.replace(known.scenarios["pipe"], native={"alpha": "a:body"})
    (cell,) = plan(scenarios=("pipe",), backends=("alpha",)).cells[:1]
    assert make_job(cell, cell.roles[0], backends[backend], pipe).own_implementation == body


def test_a_preset_without_rows_has_those_of_the_nearest_smaller():
    """`default` is not given, so it is `quick`; `stress` is `thorough`."""
    assert ids(plan(scenarios=("pipe",), backends=("beta",))) == ids(
        plan(scenarios=("pipe",), backends=("beta",), preset="quick")
    )
    assert ids(plan(scenarios=("pipe",), backends=("beta",), preset="stress")) == ["pipe[items=100]@beta#1"]


def test_parameters_expand_rows():
    """Several values are several rows; a value that the preset varies is replaced."""
    made = plan(scenarios=("pipe",), backends=("alpha",), parameters=(("capacity", "0,2"), ("eager", "true")))
    assert ids(made) == ["pipe[capacity=0,eager=true]@alpha#1", "pipe[capacity=2,eager=true]@alpha#1"]


def test_a_parameter_applies_where_it_exists():
    """A selected scenario that lacks it is planned without it."""
    made = plan(scenarios=("pipe", "shout"), backends=("alpha",), parameters=(("capacity", "7"),))
    assert ids(made) == ["pipe[capacity=7]@alpha#1", "shout@alpha#1"]


def test_every_cell_is_started_alike():
    """By what the request names, or as it is."""
    assert {cell.executor for cell in plan(preset="quick", executor="nice").cells} == {"nice"}
    assert {cell.executor for cell in plan(preset="quick").cells} == {"local"}


def test_a_plan_is_repeatable():
    """The same request gives the same plan, another seed another one."""
    first = plan(rounds=4, seed=1)
    assert first == plan(rounds=4, seed=1)
    assert [cell.id for cell in first.cells] != [cell.id for cell in plan(rounds=4, seed=2).cells]


def test_cells_of_a_row_and_round_share_their_seed():
    """What is random in a scenario is the same on every backend, and another one in the next round."""
    made = plan(rounds=2, scenarios=("shout",))
    seeds = {(cell.round, cell.seed) for cell in made.cells}
    assert len(seeds) == 2


def test_positions_are_balanced():
    """Over as many rounds as there are backends, each has each position in its row equally often."""
    backends = ("alpha", "beta", "alpha:debug=true")
    made = plan(rounds=3, scenarios=("shout",), backends=backends)
    order = [cell.label for cell in made.cells]
    positions = Counter((label, index % 3) for index, label in enumerate(order))
    assert positions == {(label, position): 1 for label in backends for position in range(3)}


def test_roles_on_different_backends():
    """`--server` fixes one role; the other takes each selected backend."""
    made = plan(scenarios=("shout",), server="beta")
    assert ids(made) == ["shout@beta#1", "shout@server=beta+client=alpha#1"]
    both = plan(scenarios=("shout",), server="alpha", client="beta")
    assert ids(both) == ["shout@server=alpha+client=beta#1"]


def test_options_are_canonical():
    """The order in which options were typed makes no other backend."""
    one = parse_spec("alpha:loop=x:y,debug=true", catalogue())
    assert str(one) == "alpha:debug=true,loop=x:y"
    assert one == parse_spec("alpha:debug=true,loop=x:y", catalogue())


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"backends": ("alpa",)}, "unknown backend 'alpa'; did you mean 'alpha'?"),
        ({"backends": ("alpha:lop=x",)}, "backend 'alpha' has no option 'lop'; did you mean 'loop'?"),
        ({"backends": ("alpha:debug=maybe",)}, "cannot be 'maybe'; it is one of true, false"),
        ({"backends": ("alpha:debug",)}, "'debug' is not key=value"),
        ({"scenarios": ("shoot",)}, "unknown scenario 'shoot'; did you mean 'shout'?"),
        (
            {"parameters": (("capacty", "1"),)},
            "no selected scenario has a parameter 'capacty'; did you mean 'capacity'?",
        ),
        ({"parameters": (("items", "many"),)}, "parameter 'items' cannot be 'many'; it is a whole number"),
        ({"parameters": (("items", "0"),)}, "parameter 'items' cannot be 0; it is at least 1"),
        ({"parameters": (("items", "1001"),)}, "parameter 'items' cannot be 1001; it is at most 1000"),
        ({"parameters": (("items", "none"),)}, "parameter 'items' cannot be 'none'; it is a whole number"),
        ({"parameters": (("mode", "bust"),)}, "parameter 'mode' cannot be 'bust'; it is one of rate, burst"),
        ({"parameters": (("length", "long"),)}, "parameter 'length' cannot be 'long'; it is a number"),
        ({"parameters": (("eager", "yes"),)}, "parameter 'eager' cannot be 'yes'; it is true or false"),
        ({"parameters": (("length", "nan"),)}, "parameter 'length' cannot be 'nan'; it is a number"),
        ({"parameters": (("length", "1e999"),)}, "parameter 'length' cannot be '1e999'; it is a number"),
        ({"backends": ("alpha:debug=true,debug=false",)}, "option 'debug' is given twice"),
        ({"scenarios": ("pipe",), "server": "alpha"}, "scenario 'pipe' has one role"),
        (
            {"scenarios": ("shout",), "server": "alpha", "client": "beta", "backends": ("beta",)},
            "--server and --client leave no role for --backend",
        ),
    ],
)
def test_what_cannot_be_planned_is_said(request_, message):
    """One line: what cannot be, and what would be right."""
    with pytest.raises(UsageError, match=r".*") as error:
        plan(**request_)
    assert message in str(error.value)


@pytest.mark.parametrize("request_", [{"backends": ("z*",)}, {"scenarios": ("z*",)}])
def test_a_valid_selection_of_nothing(request_):
    """Has its own error, because it has its own exit code."""
    with pytest.raises(NothingSelectedError, match=r"matches z\*"):
        plan(**request_)


def test_values_have_the_type_of_the_parameter():
    """Thousands may be grouped; what is said twice is one row; a default that is named is in the cell."""
    made = plan(
        scenarios=("pipe",),
        backends=("alpha",),
        parameters=(("items", "1_000,1000"), ("capacity", "none"), ("length", "2"), ("mode", "rate")),
    )
    (only,) = made.cells
    assert only.parameters == (("capacity", None), ("items", 1000), ("length", 2.0), ("mode", "rate"))
    assert [type(value) for _, value in only.parameters] == [type(None), int, float, str]


def roles_of(names, **request):
    from catalogue import scenario

    built = catalogue()
    odd = scenario("odd", roles=names)
    return make_plan(
        Request(scenarios=("odd",), **request),
        msgspec.structs.replace(built, scenarios={**built.scenarios, "odd": odd}),
    )


def test_roles_are_assigned_by_name():
    """Not by the order in which a scenario starts them."""
    (only,) = roles_of(("client", "server"), server="alpha", client="beta").cells
    assert {assigned.role: assigned.backend.name for assigned in only.roles} == {"server": "alpha", "client": "beta"}


def test_a_role_that_a_scenario_lacks():
    """It is named, with the nearest one that there is."""
    with pytest.raises(UsageError, match="scenario 'odd' has no role 'server'; did you mean 'serving'"):
        roles_of(("serving", "calling"), server="alpha")


def test_pairs_are_every_server_with_every_client():
    """In scenarios with both roles; the others run once on each backend."""
    made = plan(scenarios=("shout", "guard"), pairs=True)
    assert ids(made) == [
        "guard@alpha#1",
        "shout@alpha#1",
        "shout@beta#1",
        "shout@server=alpha+client=beta#1",
        "shout@server=beta+client=alpha#1",
    ]


def test_no_preset_is_one_row_of_defaults():
    """`harness run` runs one row, and the command of a finding runs its row and no other."""
    assert ids(plan(scenarios=("pipe",), backends=("beta",), preset="")) == ["pipe@beta#1"]
    made = plan(scenarios=("pipe",), backends=("beta",), preset="", parameters=(("capacity", "none"), ("items", "7")))
    assert ids(made) == ["pipe[capacity=none,items=7]@beta#1"]


def test_the_baseline_is_one_of_the_columns():
    """In canonical text, because it is compared with labels; none is chosen for the user."""
    backends = ("beta", "alpha:loop=x,debug=true")
    assert plan(scenarios=("pipe",), backends=backends).baseline == ""
    named = plan(scenarios=("pipe",), backends=backends, baseline="alpha:loop=x,debug=true")
    assert named.baseline == "alpha:debug=true,loop=x"
    with pytest.raises(UsageError, match="--baseline alpha is not among the backends that are run: beta"):
        plan(scenarios=("pipe",), backends=("beta",), baseline="alpha")


def aliases(**request):
    """Return the cells that run the reference again."""
    return [cell for cell in plan(**request).cells if cell.alias]


def test_the_reference_is_run_again():
    """In each round of a row, from six rounds on; it has an id of its own, and the backend's label."""
    again = aliases(scenarios=("shout",), rounds=6)
    assert [cell.id for cell in again] == [f"shout@alpha(again)#{number}" for number in range(1, 7)]
    assert {cell.label for cell in again} == {"alpha"}
    assert aliases(scenarios=("shout",), rounds=5) == []
    assert {cell.label for cell in aliases(scenarios=("shout",), rounds=6, baseline="beta")} == {"beta"}


def test_the_twin_takes_turns_like_any_backend():
    """Over as many rounds as there are arms, each has each position in its row equally often."""
    order = [cell.id.partition("#")[0] for cell in plan(scenarios=("shout",), rounds=6).cells]
    positions = Counter((arm, index % 3) for index, arm in enumerate(order))
    assert set(positions.values()) == {2}


def test_a_twin_without_anybody_to_compare_is_not_run():
    """One backend has no ratio, so there is nothing to check; nor where others, or the reference, cannot run."""
    assert aliases(scenarios=("guard",), rounds=6) == []
    assert aliases(scenarios=("guard",), baseline="beta", rounds=6) == []
    assert aliases(scenarios=("shout",), backends=("alpha",), rounds=6) == []
    assert aliases(scenarios=("shout",), server="alpha", client="beta", rounds=6) == []


@pytest.mark.parametrize(
    ("request_", "judges"),
    [(Request(), False), (Request(rounds=5), False), (Request(rounds=6), True), (Request(budget=9), True)],
)
def test_figures_are_judged_where_an_interval_is_possible(request_, judges):
    """Elsewhere ratios have no verdict, and timed cells may be forked."""
    assert make_plan(request_, catalogue()).judges_figures is judges


def test_only_figures_need_a_twin():
    """A scenario whose question is no figure has none."""
    built = catalogue()
    shout = msgspec.structs.replace(built.scenarios["shout"], headline="lost")
    built = msgspec.structs.replace(built, scenarios={**built.scenarios, "shout": shout})
    made = make_plan(Request(scenarios=("shout",), rounds=6), built)
    assert [cell.id for cell in made.cells if cell.alias] == []


def test_who_cannot_run_has_no_place_in_the_order():
    """It would leave a gap, and the places of the others would not be balanced: here three take turns, and one not."""
    built = catalogue()
    odd = msgspec.structs.replace(built.backends["beta"], name="gamma", capabilities={})
    built = msgspec.structs.replace(built, backends={**built.backends, "gamma": odd})
    made = make_plan(Request(scenarios=("guard",), rounds=6), built)
    assert {skip.cell.label for skip in made.skipped} == {"beta"}
    order = [cell.id.partition("#")[0] for cell in made.cells]
    positions = Counter((arm, index % 3) for index, arm in enumerate(order))
    assert (len(positions), set(positions.values())) == (9, {2})


def test_rounds_that_are_added_go_on_with_the_design():
    """The order of a round is the same whether it is planned at once or after others were looked at."""
    request = Request(scenarios=("shout",), rounds=12)
    (row,) = {cell.row for cell in plan(scenarios=("shout",)).cells}
    whole = [cell.id for cell in make_plan(request, catalogue()).cells]
    parts = [plan_rounds(request, catalogue(), {row: rounds}).cells for rounds in (range(1, 7), range(7, 13))]
    assert [cell.id for part in parts for cell in part] == whole


def test_a_sweep_goes_over_all_rows_in_an_order_of_its_own():
    """Every row once in each round, never one row after the other to its end."""
    made = plan(preset="quick", backends=("alpha",), rounds=8)
    sweeps = [[str(cell.row) for cell in made.cells if cell.round == number] for number in range(1, 9)]
    assert [cell.round for cell in made.cells] == sorted(cell.round for cell in made.cells)
    assert {tuple(sorted(sweep)) for sweep in sweeps} == {tuple(sorted(sweeps[0]))}
    assert len(set(map(tuple, sweeps))) > 3
