"""The order of what is selected."""

import msgspec
from catalogue import catalogue, scenario

from harness.api import Backend
from harness.plan import select_backends, select_scenarios


def test_declared_positions_come_first_and_names_decide_the_rest():
    """Of backends and of scenarios, whether nothing is named or a glob."""
    backends = [Backend(name=name, summary="", runner="x:Y", order=order) for name, order in (("b", 20), ("c", 10))]
    backends += [Backend(name=name, summary="", runner="x:Y") for name in ("z", "a")]
    scenarios = [scenario("z"), scenario("a"), msgspec.structs.replace(scenario("m"), order=1)]
    known = msgspec.structs.replace(
        catalogue(), backends={b.name: b for b in backends}, scenarios={s.name: s for s in scenarios}
    )
    for texts in ((), ("*",)):
        assert [spec.name for spec in select_backends(texts, known)] == ["c", "b", "a", "z"]
        assert [found.name for found in select_scenarios(texts, known)] == ["m", "a", "z"]


def test_named_ones_keep_the_order_in_which_they_are_named():
    """What the user says first is the first column."""
    assert [spec.name for spec in select_backends(("beta", "alpha"), catalogue())] == ["beta", "alpha"]
    assert [found.name for found in select_scenarios(("shout", "pipe"), catalogue())] == ["shout", "pipe"]
