"""A small catalogue built by hand: two backends that exist nowhere, three scenarios that nobody runs."""

from harness.api import (
    Backend,
    BackendOption,
    Capability,
    Offer,
    Parameter,
    Scenario,
    Support,
    bounded,
    grid,
    metric,
)
from harness.plugins import Catalogue


async def nothing(runtime, probe):
    """A role that is never run."""


def scenario(name, roles=("main",), requires=(), rows=None, parameters=()):
    """Return a scenario that is only planned."""
    return Scenario(
        name=name,
        question=f"what does {name} do?",
        contract=("nothing is lost",),
        ref=f"nowhere:{name}",
        roles=dict.fromkeys(roles, nothing),
        parameters=parameters,
        judges={"lost": bounded(at_most=0), "speed": metric("ns")},
        headline="speed",
        rows=rows or {"quick": ({},)},
        requires=requires,
        timeout=30,
        hang_after=5,
    )


def catalogue():
    """Return the catalogue."""
    items = (
        Parameter(name="items", default=10, summary="how many", at_least=1, at_most=1000),
        Parameter(name="capacity", default=1, summary="of the channel", nullable=True),
        Parameter(name="mode", default="rate", choices=("rate", "burst"), summary="of load"),
        Parameter(name="length", default=1.0, summary="of the run", unit="s"),
        Parameter(name="eager", default=False, summary="or lazy"),
    )
    scenarios = (
        scenario("pipe", parameters=items, rows={"quick": grid(capacity=(1, None)), "thorough": grid(items=(100,))}),
        scenario("shout", roles=("server", "client")),
        scenario("guard", requires=(Capability.SHIELD,)),
    )
    backends = (
        Backend(
            name="alpha",
            summary="has everything",
            runner="nowhere:Alpha",
            options=(
                BackendOption(name="loop", default="", summary="free text"),
                BackendOption(name="debug", default="false", choices=("true", "false"), summary="checks"),
            ),
        ),
        Backend(
            name="beta",
            summary="has no shield",
            runner="nowhere:Beta",
            capabilities={Capability.SHIELD: Offer(Support.ABSENT, "nobody built it")},
        ),
    )
    return Catalogue(
        backends={backend.name: backend for backend in backends},
        scenarios={scenario.name: scenario for scenario in scenarios},
        renderers={},
        plugins=(),
    )
