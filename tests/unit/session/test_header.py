"""What a run says of itself at its start."""

import msgspec
import pytest
from catalogue import catalogue

from harness.api import Backend, Capability
from harness.model import BackendSpec, Expectation, PossibleAnswers, Request, describe_runtime
from harness.plan import make_plan
from harness.session.header import make_backend_card, make_header, make_scenario_card


def known(scenario, **fields):
    """Return a known difference of scenarios."""
    return Expectation(scenario=scenario, backends=("alpha",), reason="documented", reference="docs", **fields)


def header(expectations=(), of_plugins=(), **request):
    """Return the header of a run of the small catalogue."""
    asked = Request(preset="quick", **request)
    brought = msgspec.structs.replace(catalogue(), expectations=tuple(of_plugins))
    plan = make_plan(asked, brought)
    return make_header("r1", "2026-01-01T00:00:00+00:00", asked, plan, brought, {"cores": 2}, expectations)


def test_it_has_what_was_asked_and_planned():
    """And a card of every scenario and backend that the plan names, and of no other."""
    made = header(scenarios=("pipe", "guard"))
    assert (made.run_id, made.started_at, made.environment) == ("r1", "2026-01-01T00:00:00+00:00", {"cores": 2})
    assert made.request.scenarios == ("pipe", "guard")
    assert {card.name for card in made.scenarios} == {cell.scenario for cell in made.plan.cells} == {"pipe", "guard"}
    assert [card.label for card in made.backends] == ["alpha", "beta"]


def test_it_has_the_known_differences_of_its_scenarios_only():
    """Those of the user first."""
    mine, pipes, others = known("pipe"), known("p*"), known("storm")
    made = header(expectations=(mine,), of_plugins=(others, pipes), scenarios=("pipe",))
    assert made.expectations == (mine, pipes)


def test_it_has_the_possible_answers_of_its_rows_and_runtimes_only():
    """A runtime in another version may answer differently."""

    def possible(row, label, runtime):
        return PossibleAnswers(row=row, label=label, runtime=runtime, orders=200, counts={"x": 200})

    asked = Request(preset="quick", scenarios=("guard",))
    plan = make_plan(asked, catalogue())
    row = str(plan.cells[0].row)
    here = describe_runtime(catalogue().backends["alpha"].distributions, {"python": "3.11.7"})
    mine = possible(row, "alpha", here)
    others = (possible("pipe", "alpha", here), possible(row, "gamma", here), possible(row, "alpha", "Python 3.10"))
    made = make_header("r1", "", asked, plan, catalogue(), {"python": "3.11.7"}, answers=(*others, mine))
    assert made.answers == (mine,)


def test_a_scenario_is_judged_by_its_card():
    """The declaration is copied, not looked up again."""
    scenario = catalogue().scenario("shout")
    card = make_scenario_card(catalogue(), "shout")
    for name in set(card.__struct_fields__) & set(scenario.__struct_fields__) - {"roles", "requires", "scripts"}:
        assert getattr(card, name) == getattr(scenario, name), name
    assert card.roles == ("server", "client")
    assert make_scenario_card(catalogue(), "guard").requires == (Capability.SHIELD.value,)


def test_a_backend_card_says_what_is_not_native():
    """By the options of its spec."""
    card = make_backend_card(catalogue(), BackendSpec("beta"))
    assert (card.label, card.name, card.offers["shield"]) == ("beta", "beta", "absent: nobody built it")
    assert make_backend_card(catalogue(), BackendSpec("alpha", (("debug", "true"),))).label == "alpha:debug=true"


@pytest.mark.parametrize(
    ("derives", "bases"),
    [
        ({}, ()),
        ({"one": "two", "two": "three"}, ("two", "three")),
        ({"one": "elsewhere"}, ("elsewhere",)),
        ({"one": "two", "two": "one"}, ("two",)),
    ],
)
def test_a_backend_card_names_its_bases(derives, bases):
    """Nearest first; one that is not installed is named, and a circle ends."""
    backends = {
        name: Backend(name=name, summary="", runner="nowhere:R", derives_from=derives.get(name, ""))
        for name in ("one", "two", "three")
    }
    brought = msgspec.structs.replace(catalogue(), backends=backends)
    assert make_backend_card(brought, BackendSpec("one")).derives_from == bases
