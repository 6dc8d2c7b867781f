"""On how many CPUs a role runs: a treatment of its own, because threads are slower or faster by it."""

from __future__ import annotations

from harness.api import Parameter

CPUS = Parameter(
    name="cpus",
    default=None,
    summary="CPUs to which the role keeps itself; none is all that it may use",
    nullable=True,
    at_least=1,
)
"""Give its value to `posix.keep_to_cpus` before the first task is started."""
