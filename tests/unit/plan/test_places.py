"""Backend specs that say where they run: grammar, labels, variants, and what is refused."""

import pytest
from catalogue import catalogue
from msgspec.structs import replace

from harness.api import BackendOption, Capability, Offer, Support
from harness.host.place_names import parse_place
from harness.model import BackendSpec, Environment, Request, UsageError
from harness.plan import make_plan, parse_spec, select_backends

OLD = Environment(name="old", interpreter="/old/python", python="3.11.7", versions={"alpha": "1.2.0"})


@pytest.fixture
def known():
    """A catalogue with an environment, in which beta has a shield, and a distribution for alpha."""
    here = catalogue()
    alpha = replace(
        here.backends["alpha"],
        distributions=("alpha",),
        options=(
            *here.backends["alpha"].options,
            BackendOption(
                name="io",
                default="plain",
                summary="x",
                choices=("plain", "fast"),
                is_idiom=True,
                unavailable={"fast": "needs 3.13"},
            ),
        ),
    )
    new_alpha = replace(alpha, options=(replace(alpha.options[-1], unavailable={}),))
    beta = replace(here.backends["beta"], capabilities={})
    new = Environment(
        name="new", interpreter="/new/python", python="3.13.0", backends={"alpha": new_alpha, "beta": beta}
    )
    places = {"old": OLD, "new": new, "alpha-1.2": replace(OLD, name="alpha-1.2")}
    return replace(here, backends={**here.backends, "alpha": alpha}, environments=places)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("alpha", ""),
        ("alpha@old", "old"),
        ("alpha==1.2", "alpha-1.2"),
        ("alpha==1.2@old", "old"),
        ("alpha@old:debug=true,loop=x", "old"),
        ("alpha==1.2:debug=true", "alpha-1.2"),
    ],
)
def test_canonical_text(known, text, place):
    """A spec reads as it was written, and knows its environment."""
    spec = parse_spec(text, known)
    assert (str(spec), spec.place) == (text, place)


def test_anywhere():
    """Without its environment and version a spec is the backend with its options."""
    spec = BackendSpec("alpha", (("debug", "true"),), environment="old", version="1.2")
    assert str(spec.anywhere) == "alpha:debug=true"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alpha@", "'' is no name of an environment"),
        ("alpha@a/b", "'a/b' is no name of an environment"),
        ("alpha@..", "'..' is no name of an environment"),
        ("alpha==", "'' is no version"),
        ("alpha==new", "'new' is no version"),
        (
            "alpha@none",
            "there is no environment 'none'; there are old, new, alpha-1.2; make it: harness env create none",
        ),
        ("alpha==9", "make it: harness env create alpha-9 --with alpha==9, or give --create-envs"),
        ("beta==1", "backend 'beta' has no version of its own; name an environment: beta@NAME"),
        (
            "alpha==1.3@old",
            "environment 'old' has alpha 1.2.0; make another: harness env create NAME --with alpha==1.3",
        ),
        ("gamma@old", "unknown backend 'gamma'"),
        ("alpha:io=fast", "cannot be 'fast' here: needs 3.13"),
    ],
)
def test_refused(known, text, says):
    """The message says what is wrong, and what to do."""
    with pytest.raises(UsageError) as caught:
        parse_spec(text, known)
    assert says in str(caught.value)


def test_a_version_is_compared_and_not_its_text(known):
    """1.2 is 1.2.0."""
    assert parse_spec("alpha==1.2@old", known).version == "1.2"


def test_glob_of_a_place(known):
    """A glob over the backends of one environment."""
    assert list(map(str, select_backends(("*@old",), known))) == ["alpha@old", "beta@old"]
    assert parse_place("*@old") == BackendSpec("*", environment="old")


def test_what_an_environment_declares_holds_there(known):
    """An option that is not available here may be there, and so may a capability."""
    assert str(parse_spec("alpha@new:io=fast", known)) == "alpha@new:io=fast"
    plan = make_plan(Request(backends=("beta", "beta@new"), scenarios=("guard",)), known)
    assert [cell.label for cell in plan.cells] == ["beta@new"]
    assert [skip.cell.label for skip in plan.skipped] == ["beta"]


def test_variants_stay_in_their_environment(known):
    """Each environment has the variants that it can do, beside its own column."""
    request = Request(backends=("alpha", "alpha@new"), scenarios=("guard",), variants=True)
    plan = make_plan(request, known)
    assert list(map(str, plan.backends)) == ["alpha", "alpha@new", "alpha@new:io=fast"]
    assert list(map(str, plan.variants)) == ["alpha@new:io=fast"]


def test_columns_side_by_side(known):
    """Two environments are two columns of one row, with the same seed."""
    request = Request(backends=("alpha", "alpha@old"), scenarios=("guard",), baseline="alpha@old")
    plan = make_plan(request, known)
    assert sorted(cell.label for cell in plan.cells) == ["alpha", "alpha@old"]
    assert len({(cell.row, cell.seed) for cell in plan.cells}) == 1
    assert plan.baseline == "alpha@old"


def test_role_in_an_environment(known):
    """Each role may have its own."""
    plan = make_plan(Request(server="alpha@old", client="alpha", scenarios=("shout",)), known)
    (cell,) = plan.cells
    assert (cell.label, cell.label_anywhere) == ("server=alpha@old+client=alpha", "alpha")


def test_offers_of_this_environment_are_unchanged(known):
    """What another environment declares is nothing to the backend here."""
    here = known.backend_of(BackendSpec("beta")).offer(Capability.SHIELD)
    there = known.backend_of(BackendSpec("beta", environment="new")).offer(Capability.SHIELD)
    assert (here, there) == (Offer(Support.ABSENT, "nobody built it"), Offer(Support.NATIVE))
