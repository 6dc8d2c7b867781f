"""Settings and result of a part of the self-test."""

from __future__ import annotations

from typing import Any

import msgspec


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is run."""

    processes: int
    replays: int
    seeds: int
    """Runs of the slower arm."""
    seconds: float
    """Each of them may take, until its interval is narrow."""
    storms: int
    stuck_rounds: int
    order_seeds: int


SHORT = Effort(processes=180, replays=400, seeds=4, seconds=60, storms=1, stuck_rounds=2, order_seeds=2)
FULL = Effort(processes=600, replays=1000, seeds=20, seconds=120, storms=5, stuck_rounds=6, order_seeds=10)


class PartResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a part."""

    name: str
    """Its letter, or letters."""
    lines: tuple[str, ...]
    """For the terminal."""
    said: str
    """For the line that reports show."""
    passed: bool
    """Whether the promise was kept; also if it was not tried."""
    figures: dict[str, Any] = {}
    """The observations, for the file."""


def skip(name: str, title: str, reason: str) -> PartResult:
    """Return the result of a part that cannot be tried here."""
    return PartResult(name=name, lines=(title, f"  not tried: {reason}"), said=f"{name} was not tried", passed=True)


def promise(what: str, found: str, promised: str) -> str:
    """Return a line of a part: its subject, its result, its goal."""
    return f"  {what:<38} {found:>9}   {promised}".rstrip()
