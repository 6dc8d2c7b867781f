"""Make a scenario of a function, with what all planted ones share."""

from collections.abc import Callable
from typing import Any

from harness.api import Parameter, Scenario, bounded, info


def plant(register: list[Scenario], family: str, contract: str, **defaults: Any) -> Callable[..., Any]:
    """Return a decorator that takes a name and what differs from the defaults; its function's docstring asks."""

    def planted(name: str, **fields: Any):
        def make(fn):
            scenario = Scenario(
                name=f"{family}.{name}",
                question=fn.__doc__,
                contract=(contract,),
                ref=f"{fn.__module__}:{fn.__name__}",
                roles={"main": fn},
                parameters=(Parameter(name="n", default=1, summary="tells rows apart"),),
                rows={"quick": ({},)},
                **{
                    "judges": {"steps": bounded(at_least=1), "child": info()},
                    "headline": "steps",
                    **defaults,
                    **fields,
                },
            )
            register.append(scenario)
            return scenario

        return make

    return planted
