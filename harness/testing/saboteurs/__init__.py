"""Backends that are broken on purpose: a healthy one with one fault.

A scenario that cannot catch the faults that break its contract is worth nothing.

`--backend saboteur:fault=item-lost` runs one; `harness matrix --saboteurs` runs those that the selected scenarios must
catch, beside the healthy backend, and prints the score.
"""

from .faults import FAULTS, Fault

__all__ = ["CONTROL", "FAULTS", "HEALTHY", "Fault"]

CONTROL = "asyncio"
"""The backend that is wrapped, and that must pass what its saboteurs fail."""
HEALTHY = "harness_asyncio.backend:AsyncioRunner"
"""Its runner."""
