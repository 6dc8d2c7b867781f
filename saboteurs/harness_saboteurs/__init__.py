"""Backends that are broken on purpose: a healthy one with one fault.

A scenario that cannot catch the faults that break its contract is worth nothing.

`--backend saboteur:fault=item-lost` runs one; `harness matrix --saboteurs` runs those that the selected scenarios must
catch, beside the healthy backend, and prints the score.

    wrapping      runtimes that are another one with a fault added
    faults        the register
    THEMES        the faults, by the operation that they break
"""

from harness.testing.wrapping import sabotage

from . import (
    bridge,
    cancellation,
    channels,
    clocks,
    datagrams,
    deadlines,
    descriptors,
    ends,
    groups,
    later,
    leaks,
    listeners,
    locks,
    names,
    offload,
    processes,
    rest,
    scheduling,
    servers,
    several,
    stream_ends,
    streams,
    tls,
    unix,
)
from .faults import FAULTS, Fault

__all__ = ["FAULTS", "HEALTHY", "THEMES", "Fault", "list_faults", "sabotage"]

THEMES = (
    channels,
    clocks,
    cancellation,
    deadlines,
    groups,
    locks,
    streams,
    stream_ends,
    listeners,
    scheduling,
    offload,
    processes,
    bridge,
    servers,
    tls,
    unix,
    names,
    datagrams,
    ends,
    leaks,
    descriptors,
    several,
    rest,
    later,
)
"""The modules of faults."""

HEALTHY = {
    "asyncio": "harness_asyncio.backend:AsyncioRunner",
    "trio": "harness_trio.backend:TrioRunner",
    "threads": "harness_threads.backend:ThreadsRunner",
}
"""The backends that are broken, and their runners."""


def list_faults(control: str) -> list[Fault]:
    """Return the faults of a healthy backend."""
    return [fault for fault in FAULTS.values() if fault.control == control]
