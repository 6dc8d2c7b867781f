"""Variants of a backend: those that a scenario names, and all of them."""

import msgspec
import pytest
from catalogue import catalogue, scenario

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.cli.main import main
from harness.model import Request, UsageError
from harness.plan import make_plan, parse_spec

IO = BackendOption(name="io", default="streams", choices=("streams", "sock", "pipe"), summary="", is_idiom=True)
EAGER = BackendOption(
    name="eager",
    default="false",
    choices=("true", "false"),
    summary="",
    is_idiom=True,
    unavailable={"true": "needs a newer Python"},
)
QUEUE = BackendOption(
    name="queue",
    default="handles",
    choices=("handles", "plain"),
    summary="",
    is_idiom=True,
    offers={
        "plain": {Capability.SHIELD: Offer(Support.ABSENT, "a queue has none")},
        "handles": {Capability.SELECT: Offer(Support.ABSENT, "by default")},
    },
)
LOOP = BackendOption(name="loop", default="", summary="free text")
GAMMA = Backend(name="gamma", summary="has idioms", runner="nowhere:Gamma", options=(LOOP, IO, EAGER, QUEUE))


def plan(*names, variants=(), roles=("main",), **request):
    """Plan a scenario `ask` that names variants, beside those of the catalogue, on `gamma` and `alpha` by default."""
    built = catalogue()
    ask = msgspec.structs.replace(scenario("ask", roles=roles), variants=variants)
    full = msgspec.structs.replace(
        built, scenarios={**built.scenarios, "ask": ask}, backends={**built.backends, "gamma": GAMMA}
    )
    request = {"backends": ("gamma", "alpha"), **request}
    return make_plan(Request(scenarios=names or ("ask",), preset="", **request), full)


def labels(made, name="ask"):
    """Return the columns of a scenario."""
    return sorted(cell.label for cell in made.cells if cell.scenario == name)


def test_a_scenario_brings_variants():
    """Beside the backend that was selected by its bare name, on the rows of this scenario only."""
    made = plan("ask", "shout", variants=("gamma:io=sock", "gamma:io=sock,queue=plain", "delta:x=y"))
    assert labels(made) == ["alpha", "gamma", "gamma:io=sock", "gamma:io=sock,queue=plain"]
    assert labels(made, "shout") == ["alpha", "gamma"]
    assert list(map(str, made.backends)) == ["gamma", "gamma:io=sock", "gamma:io=sock,queue=plain", "alpha"]
    assert list(map(str, made.variants)) == ["gamma:io=sock", "gamma:io=sock,queue=plain"]


def test_all_backends_are_selected_by_name():
    """No selection and a glob are bare names as well."""
    for backends in ((), ("g*",)):
        assert "gamma:io=sock" in labels(plan(variants=("gamma:io=sock",), backends=backends))


def test_a_backend_with_options_stays_as_it_was_asked_for():
    """Who names an idiom wants that one. Another spec of the same backend does not bring variants either."""
    made = plan(variants=("gamma:io=sock",), backends=("gamma:io=pipe",))
    assert (labels(made), made.variants) == (["gamma:io=pipe"], ())


def test_a_backend_whose_options_are_no_idioms_brings_variants():
    """Another loop of asyncio is asked on its idioms, with its own options."""
    made = plan(variants=("gamma:io=sock",), backends=("gamma:loop=rloop",))
    assert labels(made) == ["gamma:io=sock,loop=rloop", "gamma:loop=rloop"]


def test_a_variant_that_was_asked_for_is_none():
    """It is run once, and is a backend like any other."""
    made = plan(variants=("gamma:io=sock",), backends=("gamma", "alpha", "gamma:io=sock"))
    assert labels(made) == ["alpha", "gamma", "gamma:io=sock"]
    assert (list(map(str, made.backends)), made.variants) == (["gamma", "alpha", "gamma:io=sock"], ())


def test_what_this_environment_cannot_do_is_not_offered():
    """Who asks for it by name learns why."""
    assert labels(plan(variants=("gamma:eager=true",))) == ["alpha", "gamma"]
    with pytest.raises(UsageError, match="gamma:eager cannot be 'true' here: needs a newer Python"):
        plan(backends=("gamma:eager=true",))


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("gamma:oi=sock", "backend 'gamma' has no option 'oi'; did you mean 'io'?"),
        ("gamma:io=tape", "backend option gamma:io cannot be 'tape'; it is one of streams, sock, pipe"),
        ("gamma:io", "'io' is not key=value"),
    ],
)
def test_a_variant_that_is_none_is_reported(variant, reason):
    """In its cell: the mistake of one scenario does not stop the others."""
    made = plan("ask", "shout", variants=(variant, "gamma:io=sock"))
    assert labels(made) == ["alpha", "gamma", "gamma:io=sock"]
    (skipped,) = made.skipped
    assert skipped.cell.scenario == "ask"
    assert skipped.reason.startswith("the scenario names a variant that is none: ")
    assert reason in skipped.reason


def test_an_option_changes_an_offer():
    """A capability that only the variant lacks skips only the variant."""
    built = catalogue()
    guard = msgspec.structs.replace(built.scenarios["guard"], variants=("gamma:queue=plain",))
    full = msgspec.structs.replace(
        built, scenarios={"guard": guard}, backends={"gamma": GAMMA, "alpha": built.backends["alpha"]}
    )
    made = make_plan(Request(), full)
    assert labels(made, "guard") == ["alpha", "gamma"]
    assert [(skip.cell.label, skip.reason) for skip in made.skipped] == [
        ("gamma:queue=plain", "gamma has no shield: a queue has none")
    ]
    assert GAMMA.offer(Capability.SELECT).note == "by default"
    assert GAMMA.offer(Capability.SELECT, {"queue": "plain"}).support is Support.NATIVE


# --- every variant ---


ALL = ["gamma", "gamma:io=pipe", "gamma:io=sock", "gamma:queue=plain"]


def all_variants(*names, **request):
    """Plan with `--variants`; its field has the name of what a scenario declares."""
    built = catalogue()
    full = msgspec.structs.replace(built, backends={**built.backends, "gamma": GAMMA})
    return make_plan(Request(scenarios=names, preset="", **{"backends": ("gamma",), "variants": True, **request}), full)


def test_every_variant_of_every_scenario():
    """One option at a time; neither the default, nor options that are no idioms, nor what cannot be done here."""
    made = all_variants("pipe", "shout")
    assert (labels(made, "pipe"), labels(made, "shout")) == (ALL, ALL)
    assert list(map(str, made.variants)) == ["gamma:io=sock", "gamma:io=pipe", "gamma:queue=plain"]


def test_variants_of_another_loop():
    """A spec with options is varied in what it leaves open."""
    made = all_variants("pipe", backends=("gamma:io=sock,loop=rloop",))
    assert labels(made, "pipe") == ["gamma:io=sock,loop=rloop", "gamma:io=sock,loop=rloop,queue=plain"]


@pytest.mark.parametrize("pairing", [{"pairs": True}, {"server": "gamma"}])
def test_variants_are_not_paired(pairing):
    """There would be hundreds of pairs; those that are wanted can be named."""
    with pytest.raises(UsageError, match="--variants runs each variant with itself"):
        all_variants("shout", **pairing)


@pytest.mark.parametrize("pairing", [{"pairs": True}, {"backends": (), "server": "gamma"}])
def test_pairs_are_of_what_was_selected(pairing):
    """The variants that a scenario names are not paired either; scenarios with one role have them still."""
    made = plan(variants=("gamma:io=sock",), roles=("server", "client"), **pairing)
    assert made.variants == ()
    if "pairs" in pairing:
        assert "gamma:io=sock" in labels(plan(variants=("gamma:io=sock",), **pairing))


def test_both_roles_of_a_variant():
    """Without pairs a variant is the server and the client."""
    made = plan(variants=("gamma:io=sock",), roles=("server", "client"))
    (cell,) = [cell for cell in made.cells if cell.label == "gamma:io=sock"]
    assert {str(assigned.backend) for assigned in cell.roles} == {"gamma:io=sock"}


# --- the built-in backends, on the command line ---


def test_harness_plan_lists_variants_below_the_grid(tmp_path, monkeypatch, capsys):
    """A column for each would not fit; what is no idiom is no variant."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["plan", "-b", "asyncio", "-b", "trio", "-s", "channel", "--variants", "--preset", "quick"])
    shown = capsys.readouterr().out
    header, *lines = shown.splitlines()
    assert header.split() == ["asyncio", "trio"]
    assert "+ asyncio:io=sock: 4 cells of channel" in lines
    assert "+ trio:offload=abandon: 4 cells of channel" in lines
    assert "debug=" not in shown


@pytest.mark.parametrize("text", ["asyncio:io=carrier-pigeon", "trio:offload=never", "threads:close=slam"])
def test_an_unknown_idiom_is_a_usage_error(text):
    """With those that there are."""
    from harness.plugins import Plugins

    with pytest.raises(UsageError, match="it is one of"):
        parse_spec(text, Plugins().catalogue())
