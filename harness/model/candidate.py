"""A backend that shall replace another one, and the checks made of it before the run."""

from __future__ import annotations

import msgspec


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the capabilities of a backend, made before anything was run on it."""

    name: str
    """The check in a few words, such as `TCP server and client`."""
    gap: str = ""
    """The missing feature, on one line; empty where the check passed."""
    is_essential: bool = False
    """Whether nothing can be run without it."""
    gates: tuple[str, ...] = ()
    """What depends on it: capabilities (`thread offload`) and idioms (`io=sock`)."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A backend that shall replace another one, as a request has it."""

    backend: str
    """Its spec."""
    baseline: str
    """Spec of the backend that it shall replace."""
    checks: tuple[CheckResult, ...] = ()
    """Checks made before the run."""

    @property
    def gaps(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if check.gap)
