"""Declare the saboteurs. They are run only when they are asked for."""

from __future__ import annotations

from harness.api import CHAPTERS, Backend, BackendOption, Capability, Offer, Saboteur, Support
from harness.plugins import hookimpl

_NAMES = {"asyncio": "saboteur", "trio": "saboteur-trio", "threads": "saboteur-threads"}
"""By the operation that they break."""
_RUNNERS = {"asyncio": "SaboteurRunner", "trio": "TrioSaboteurRunner", "threads": "ThreadsSaboteurRunner"}
_CONTROLLED = ("asyncio", "trio")
"""Those that generated programs run on under a schedule."""
_ABSENT = {"asyncio": (Capability.SHIELD,), "trio": (Capability.DETACHED, Capability.BRIDGE_JOB), "threads": ()}
"""Saboteurs lack the same capabilities as their healthy backend."""


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring a backend for each healthy one that is broken, with an option for the fault."""
    return [_declare(control) for control in _NAMES]


@hookimpl
def harness_saboteurs() -> list[Saboteur]:
    """Bring the faults; scenarios name those that they must catch."""
    from . import FAULTS

    return [
        Saboteur(name=fault.name, summary=fault.summary, spec=f"{_NAMES[fault.control]}:fault={fault.name}")
        for fault in FAULTS.values()
    ]


def _declare(control: str) -> Backend:
    from . import HEALTHY, list_faults

    faults = {fault.name: fault for fault in list_faults(control)}
    return Backend(
        name=_NAMES[control],
        summary=f"{control} with one fault, to see whether a scenario catches it",
        runner=f"harness_saboteurs.runner:{_RUNNERS[control]}",
        options=(
            BackendOption(name="fault", default=next(iter(faults)), summary="the fault", choices=tuple(faults)),
            BackendOption(name="of", default=HEALTHY[control], summary="runner of the healthy backend: module:Class"),
        ),
        capabilities={
            **{chapter: Offer(Support.NATIVE, f"as on {control}") for chapter in sorted(CHAPTERS)},
            **{lacking: Offer(Support.ABSENT, f"as on {control}") for lacking in _ABSENT[control]},
        },
        install_hint="part of harness",
        schedules="harness_saboteurs.schedules:SaboteurSchedules" if control in _CONTROLLED else "",
        control=control,
        derives_from=control,
    )
