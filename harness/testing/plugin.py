"""Declare the saboteurs. They are run only when they are asked for."""

from __future__ import annotations

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring one backend, with an option for the fault."""
    from .saboteurs import CONTROL, FAULTS, HEALTHY

    return [
        Backend(
            name="saboteur",
            summary=f"{CONTROL} with one fault, to see whether a scenario catches it",
            runner="harness.testing.saboteurs.runner:SaboteurRunner",
            options=(
                BackendOption(
                    name="fault", default=next(iter(FAULTS)), summary="what is broken", choices=tuple(FAULTS)
                ),
                BackendOption(name="of", default=HEALTHY, summary="runner of the healthy backend: module:Class"),
            ),
            capabilities={Capability.SHIELD: Offer(Support.ABSENT, f"as on {CONTROL}")},
            install_hint="part of harness",
            planted={f"fault={fault.name}": fault.caught_by for fault in FAULTS.values()},
            control=CONTROL,
        )
    ]
