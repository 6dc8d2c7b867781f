"""Resource usage of a cell, and contention by other processes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import CellResult, Resources, RoleResult

from .figures import format_figure
from .safe_text import clean

Fact = tuple[str, str, str, float]
"""Role, name, unit and value."""


def describe_resources(result: CellResult) -> list[str]:
    """Return a line for each role that reported its usage; figures that the system lacks are left out."""
    several = len(result.roles) > 1
    return [
        f"{f'{clean(role.role)}: ' if several else ''}{', '.join((*_texts(role.resources), *_growth(role)))}"
        for role in result.roles
        if role.resources is not None
    ]


def _texts(taken: Resources) -> Iterator[str]:
    yield f"{_seconds(taken.wall)} of which CPU {_seconds(taken.user)} user and {_seconds(taken.system)} system"
    if taken.run_delay is not None:
        share = f" ({taken.delay_share:.1%})" if taken.delay_share is not None else ""
        yield f"waited {_seconds(taken.run_delay)} for a CPU{share}"
    if taken.voluntary_switches is not None and taken.involuntary_switches is not None:
        yield f"context switches {taken.voluntary_switches:,} voluntary and {taken.involuntary_switches:,} not"
    if taken.peak_rss_bytes is not None:
        yield f"peak memory {format_figure(taken.peak_rss_bytes, 'B')}"


def _growth(role: RoleResult) -> Iterator[str]:
    if role.grown_bytes is not None:
        verb = "grew" if role.grown_bytes >= 0 else "shrank"
        yield f"{verb} by {format_figure(abs(role.grown_bytes), 'B')}"


def describe_attempts(result: CellResult) -> list[str]:
    """Say how often the cell was run before its figures counted, and why; nothing if the first attempt counts."""
    if not result.disturbed:
        return []
    shares = ", ".join(f"{attempt.share:.0%}" for attempt in result.disturbed)
    times = "once more" if len(result.disturbed) == 1 else f"{len(result.disturbed)} times more"
    now = [role.resources.delay_share for role in result.roles if role.resources is not None]
    last = "".join(f"; this time for {share:.0%}" for share in now if share is not None)
    return [f"run {times}: before, it waited for a CPU for {shares} of its time{last}"]


def describe_starts(result: CellResult) -> Iterator[str]:
    """Yield a line for each attempt of a cell in which something went wrong in a forked process, and what follows."""
    for attempt in result.starts:
        kind = "forked" if attempt.is_forked else "fresh"
        problems = ", ".join(map(clean, attempt.problems)) or "nothing wrong"
        yield f"{kind}: {attempt.outcome} after {_seconds(attempt.seconds)}: {problems}"
    if result.differs_by_start:
        yield "forked and fresh processes differ: a defect of harness (please report it)"


def _seconds(value: float) -> str:
    return format_figure(value, "s")


def list_facts(result: CellResult) -> Iterator[Fact]:
    """Yield each known figure of the resource usage of a cell."""
    for role in result.roles:
        taken = role.resources
        if taken is None:
            continue
        for key, unit, value in (
            ("wall time", "s", taken.wall),
            ("CPU time, user", "s", taken.user),
            ("CPU time, system", "s", taken.system),
            ("run delay", "s", taken.run_delay),
            ("voluntary context switches", "", taken.voluntary_switches),
            ("involuntary context switches", "", taken.involuntary_switches),
            ("peak memory", "B", taken.peak_rss_bytes),
            ("memory growth", "B", role.grown_bytes),
        ):
            if value is not None:
                yield role.role, key, unit, value
    if result.disturbed:
        yield "", "disturbed attempts", "", len(result.disturbed)
