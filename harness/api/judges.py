"""How the values of an observation key are judged over backends. Declared per key by a scenario; pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Grade(StrEnum):
    """What it means that an outcome was seen (after jcstress)."""

    REQUIRED = "required"
    """It has to be seen in some repetition."""
    ALLOWED = "allowed"
    """The contract leaves it open."""
    INTERESTING = "interesting"
    """Allowed, and worth to know of."""
    FORBIDDEN = "forbidden"
    """It breaks the contract."""


class Graded(msgspec.Struct, frozen=True):
    """The grade of one possible value, why, and where that is written down."""

    grade: Grade
    """What it means that the value was seen."""
    reason: str = ""
    """Why it means that."""
    reference: str = ""
    """Where that is written down."""


class Exact(msgspec.Struct, frozen=True, kw_only=True, tag="exact"):
    """The value is the same on every backend; the row shows the groups. `expected`, if given, is the contract."""

    expected: str | int | float | bool | None = None
    reason: str = ""
    """Why the values are to be the same."""
    reference: str = ""
    """Where that is written down."""


class Outcomes(msgspec.Struct, frozen=True, kw_only=True, tag="outcomes"):
    """A set of possible values, each graded. A value that is not listed counts as `FORBIDDEN`."""

    grades: dict[str, Graded]
    """By value, as it is written."""


class Trace(msgspec.Struct, frozen=True, kw_only=True, tag="trace"):
    """Per-actor ordered steps (`Probe.step`); the report names the first point of divergence."""

    reason: str = ""
    """Why the steps are to be the same."""
    reference: str = ""
    """Where that is written down."""


class Bounded(msgspec.Struct, frozen=True, kw_only=True, tag="bounded"):
    """An invariant on a number; breaking it is a violation even if all backends agree."""

    at_least: float | None = None
    """The least that is right; `None` for any."""
    at_most: float | None = None
    """The most that is right; `None` for any."""
    reason: str = ""
    """Why the number has these bounds."""
    reference: str = ""
    """Where that is written down."""
    explained_by: tuple[str, ...] = ()
    """Keys whose values say more where it is broken; a finding shows them."""


class Metric(msgspec.Struct, frozen=True, kw_only=True, tag="metric"):
    """A measured quantity; compared by ratio, never by eye. `unit` as shown, e.g. `"ns"`, `"1/s"`, `"MiB/s"`."""

    unit: str
    better: Literal["lower", "higher"] = "lower"
    """Which direction is the better one."""


class Info(msgspec.Struct, frozen=True, kw_only=True, tag="info"):
    """Shown, never judged."""

    unit: str = ""
    """As shown behind the value."""


Judge = Exact | Outcomes | Trace | Bounded | Metric | Info
"""How the values of a key are judged."""


def exact(expected: str | float | bool | None = None, *, reason: str = "", reference: str = "") -> Exact:
    """Judge a value that must be the same on every backend (and equal `expected`, if given)."""
    return Exact(expected=expected, reason=reason, reference=reference)


def outcomes(grades: dict[str, Graded]) -> Outcomes:
    """Judge a value by a graded set; see `required`, `allowed`, `interesting`, `forbidden`."""
    return Outcomes(grades=grades)


def required(reason: str = "", reference: str = "") -> Graded:
    """Grade an outcome that must be seen at least once."""
    return Graded(Grade.REQUIRED, reason, reference)


def allowed(reason: str = "", reference: str = "") -> Graded:
    """Grade an outcome that is fine."""
    return Graded(Grade.ALLOWED, reason, reference)


def interesting(reason: str = "", reference: str = "") -> Graded:
    """Grade an outcome that is legitimate and that a user would want to know."""
    return Graded(Grade.INTERESTING, reason, reference)


def forbidden(reason: str = "", reference: str = "") -> Graded:
    """Grade an outcome that the contract excludes."""
    return Graded(Grade.FORBIDDEN, reason, reference)


def trace(*, reason: str = "", reference: str = "") -> Trace:
    """Judge the steps of the actors."""
    return Trace(reason=reason, reference=reference)


def bounded(
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    reason: str = "",
    reference: str = "",
    explained_by: tuple[str, ...] = (),
) -> Bounded:
    """Judge a number by an invariant; what breaks it is shown with the values of the keys `explained_by`."""
    return Bounded(at_least=at_least, at_most=at_most, reason=reason, reference=reference, explained_by=explained_by)


def metric(unit: str, *, better: Literal["lower", "higher"] = "lower") -> Metric:
    """Declare a measured quantity."""
    return Metric(unit=unit, better=better)


def info(unit: str = "") -> Info:
    """Declare a value that is shown and not judged."""
    return Info(unit=unit)
