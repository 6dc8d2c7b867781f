"""Declaration of a backend that is broken on purpose."""

from __future__ import annotations

import msgspec


class Saboteur(msgspec.Struct, frozen=True, kw_only=True):
    """One fault, and the backend spec that has it. `--saboteurs` runs it on each scenario that must catch it.

    Such a scenario names the fault in `Scenario.catches`. The backend of `spec` declares the healthy `control`, which
    runs beside it and must show nothing.
    """

    name: str
    """Name of the fault, e.g. `item-lost`."""
    summary: str
    """The fault, on one line."""
    spec: str
    """Backend spec that has the fault, e.g. `saboteur:fault=item-lost`."""
    caught_by: tuple[str, ...] = ()
    """Scenarios (globs) of other plugins that must catch it, in addition to those that name it in `catches`."""
