"""Which clauses of the Runtime contract a runtime is known to break, in this environment, today."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Container, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from harness.model import KnownBreach, matches_glob


def select_breaches(breaches: Iterable[KnownBreach], backend: str) -> dict[str, KnownBreach]:
    """Return the breaches of a backend spec whose conditions hold here, by clause; the first of each counts."""
    found: dict[str, KnownBreach] = {}
    for breach in breaches:
        if any(matches_glob(backend, pattern) for pattern in breach.backends) and _is_current(breach):
            found.setdefault(breach.clause, breach)
    return found


def list_unknown(breaches: Iterable[KnownBreach], questions: Container[str]) -> Iterator[KnownBreach]:
    """Yield the breaches of unknown clauses: a clause that was renamed would excuse nothing, silently."""
    return (breach for breach in breaches if breach.clause not in questions)


def _is_current(breach: KnownBreach) -> bool:
    is_expired = breach.expires is not None and dt.datetime.now(dt.UTC).date() >= breach.expires
    return not is_expired and all(_holds(name, condition) for name, condition in breach.when.items())


def _holds(name: str, condition: str) -> bool:
    if name == "system":
        return platform.system().lower() == condition.lower()
    try:
        return SpecifierSet(condition, prereleases=True).contains(_version(name))
    except (InvalidSpecifier, InvalidVersion):
        return False


def _version(name: str) -> str:
    if name == "python":
        return platform.python_version()
    if name == "cores":
        return str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
