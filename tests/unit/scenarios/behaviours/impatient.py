"""Trials that are known to hang, ended sooner."""

from __future__ import annotations

from harness.testing.wrapping import Wrapped


class Impatient(Wrapped):
    """Ends a trial after 0.3 s."""

    def move_on_after(self, seconds):
        """Move on, but not late."""
        return self.inner.move_on_after(min(seconds, 0.3))


def impatient(saboteur):
    """Return a wrapping by a saboteur whose trials hang."""
    return {"main": lambda runtime: Impatient(saboteur(runtime))}
