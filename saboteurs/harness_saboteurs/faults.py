"""The declaration of a fault, and the register of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.testing.wrapping import Part, SabotagedRuntime, sabotage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way of being broken."""

    name: str
    """As in `saboteur:fault=name`."""
    summary: str
    """The fault, on one line."""
    runtime: type[SabotagedRuntime]
    """What takes the place of the healthy one."""
    control: str
    """The healthy backend that is broken, and that passes the scenario that the fault fails."""


FAULTS: dict[str, Fault] = {}
"""The register of all faults, by name."""

Broken = TypeVar("Broken", bound=type[SabotagedRuntime] | type[Part])


def fault(name: str, *scenarios: str, control: str = "asyncio") -> Callable[[Broken], Broken]:
    """Register a sabotaged runtime, or a part that makes a runtime one; its docstring describes the fault.

    Raises:
        TypeError: scenarios are named, as was right once. A scenario names the faults that it must catch.
    """
    if scenarios:
        named = ", ".join(scenarios)
        raise TypeError(f"fault {name!r} cannot name scenarios: add catches=({name!r},) to the declaration of {named}")

    def register(broken: Broken) -> Broken:
        assert name not in FAULTS, f"two faults are named {name}"
        FAULTS[name] = Fault(
            name=name,
            summary=(broken.__doc__ or name).strip().rstrip("."),
            runtime=broken if issubclass(broken, SabotagedRuntime) else sabotage(broken),
            control=control,
        )
        return broken

    return register
