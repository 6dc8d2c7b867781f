"""The moment at which a run has used up its time."""

from __future__ import annotations

import time

import msgspec


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """Ends the cells that still run then. By the monotonic clock, which all processes of a host share."""

    at: float
    """Seconds of that clock."""
    reason: str
    """Of the outcome of those cells."""

    def allows(self, seconds: float) -> bool:
        """Return whether something of this duration is over by then."""
        return time.monotonic() + seconds <= self.at
