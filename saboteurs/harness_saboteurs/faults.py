"""What a fault is, and the register of all."""

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
    """What is broken, on one line."""
    runtime: type[SabotagedRuntime]
    """What takes the place of the healthy one."""
    caught_by: tuple[str, ...]
    """The scenarios that must see it, because it breaks their contract."""
    control: str
    """The healthy backend that is broken, and that passes what the fault fails."""


FAULTS: dict[str, Fault] = {}
"""By name."""

Broken = TypeVar("Broken", bound=type[SabotagedRuntime] | type[Part])


def fault(name: str, *caught_by: str, control: str = "asyncio") -> Callable[[Broken], Broken]:
    """Register a sabotaged runtime, or a part that makes a runtime one; its docstring says what it breaks."""

    def register(broken: Broken) -> Broken:
        assert name not in FAULTS, f"two faults are named {name}"
        assert broken.__doc__ is not None
        FAULTS[name] = Fault(
            name=name,
            summary=broken.__doc__.strip().rstrip("."),
            runtime=broken if issubclass(broken, SabotagedRuntime) else sabotage(broken),
            caught_by=caught_by,
            control=control,
        )
        return broken

    return register
