"""How the values of an observation key are judged over backends. Declared per key by a scenario; pure data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, TypedDict, Unpack, cast

import msgspec

from .values import is_number, number_text, outcome_text, quoted, value_text

NOT_A_NUMBER = "is not a number"
"""How a value breaks the contract of a key that is declared to be numeric."""
UNLISTED = "an outcome that the contract does not list"
"""How a value breaks the contract of a graded set that does not have it."""


class Grade(StrEnum):
    """Meaning of an observed outcome (after jcstress)."""

    REQUIRED = "required"
    """It has to be seen in some repetition."""
    ALLOWED = "allowed"
    """The contract leaves it open."""
    INTERESTING = "interesting"
    """Allowed, and worth to know of."""
    FORBIDDEN = "forbidden"
    """It breaks the contract."""


class Harm(StrEnum):
    """Harm that a behaviour does to the program that meets it, the worst first."""

    DATA = "data lost or mixed"
    """Bytes, items or connections are lost, doubled or mixed up."""
    HANG = "hang"
    """A wait never ends."""
    SERVER = "server dead"
    """A server accepts or answers no more."""
    CRASH = "crash"
    """The process or the run ends."""
    LEAK = "leak"
    """Descriptors, tasks, threads, children or memory stay behind."""
    ANSWER = "wrong answer"
    """A call does something else than it should."""
    ERROR = "wrong error"
    """A call fails as it should, with another error, or an error is reported where there should be none."""
    TIME = "time"
    """Something happens too early, too late, or in another order."""


class Graded(msgspec.Struct, frozen=True):
    """The grade of one possible value, why, and where that is written down."""

    grade: Grade
    """Meaning of the observed value."""
    reason: str = ""
    """Why it means that."""
    reference: str = ""
    """Where that is written down."""
    harm: Harm | None = None
    """Harm that the value does to a program; the default is a wrong answer."""
    symptom: str = ""
    """Name of the behaviour where several questions show the same one, such as `a socket stays open`."""
    follows_from: str = ""
    """A symptom that brings this value about: where a backend shows both, they have one root cause."""
    better_than: tuple[str, ...] = ()
    """Values instead of which this one hurts no program: where it is seen and not they, a backend is better."""

    def with_harm(self, harm: Harm) -> Graded:
        """Return it with a harm, if it declares none."""
        named = (self.symptom, self.follows_from, self.better_than)
        return Graded(self.grade, self.reason, self.reference, self.harm or harm, *named)


class JudgeKind(msgspec.Struct, frozen=True, kw_only=True):
    """The questions that the rest of harness asks a judge, with the answers of a judge that only shows values.

    A judge overrides the answers that differ. The comparison of a run, the repeat of disturbed cells and the trial of
    the kit ask here and decide nothing themselves, so that they cannot disagree.
    """

    reason = ""
    """Why the contract is as it is."""
    reference = ""
    """Where the contract is written down."""
    unit = ""
    """Shown behind a number."""
    explained_by = cast("tuple[str, ...]", ())
    """Keys whose values are shown with a breach."""
    only_where = cast("dict[str, str]", {})
    """Values that other keys must have for a breach to count, in a cell that observes them."""
    is_numeric = False
    """Whether each value must be a finite number."""
    is_measured = False
    """Whether values are figures: compared by ratio with an interval, and timed."""
    is_graded = False
    """Whether values are answers from a set, each with a grade."""
    is_trace = False
    """Whether values are steps of an actor."""
    is_owed = False
    """Whether a cell that completes must report a value if other cells of its row do."""

    def breaks(self, value: object) -> str | None:
        """Return how a value breaks the contract, whatever other backends do; `None` if it does not.

        The text follows the key (`lost is more than 0`) and has no figure of the value, so that it is the same in every
        row of a finding.
        """
        if self.is_numeric and not is_number(value):
            return NOT_A_NUMBER
        return None

    def is_about(self, observed: Mapping[str, Sequence[object]]) -> bool:
        """Return whether a breach counts in a cell that observed these values, by key."""
        return all(value == wanted for key, wanted in self.only_where.items() for value in observed.get(key, ()))

    def expects(self, key: str) -> str:
        """Return the contract for the values of a key as text, such as `lost ≤ 0`."""
        del key
        return ""

    def harm_of(self, value: object) -> Harm:
        """Return the harm that a value other than the right one does to a program."""
        del value
        return Harm.ANSWER

    def symptom_of(self, value: object) -> str:
        """Return the name that a value's behaviour has in several questions; empty where it has none."""
        del value
        return ""

    def follows_from(self, value: object) -> str:
        """Return the symptom that brings a value about; empty where none does."""
        del value
        return ""

    def is_better(self, value: object, others: Iterable[str]) -> bool:
        """Return whether a value hurts no program that is used to these others."""
        del value, others
        return False

    def reason_of(self, value: object) -> str:
        """Return why a value is right or wrong."""
        del value
        return self.reason


class Exact(JudgeKind, frozen=True, kw_only=True, tag="exact"):
    """The value is the same on every backend; the row shows the groups. `expected`, if given, is the contract."""

    expected: str | int | float | bool | None = None
    reason: str = ""
    """Why the values are to be the same."""
    reference: str = ""
    """Where that is written down."""

    is_owed = True

    def breaks(self, value: object) -> str | None:
        """Compare with the contract if there is one. Text and number, number and bool are different values."""
        if self.expected is None or value_text(value) == (expected := value_text(self.expected)):
            return None
        return f"is not {expected}"

    def expects(self, key: str) -> str:
        """Return the value of the contract; without one, what all backends have in common."""
        del key
        return "the same value on every backend" if self.expected is None else value_text(self.expected)


class Outcomes(JudgeKind, frozen=True, kw_only=True, tag="outcomes"):
    """A set of possible values, each graded. A value that is not listed counts as `FORBIDDEN`."""

    grades: dict[str, Graded]
    """By value, as it is written."""

    is_graded = True

    def breaks(self, value: object) -> str | None:
        """Return whether the value is graded as forbidden, or not listed."""
        text = outcome_text(value)
        if text not in self.grades:
            return UNLISTED
        return f"'{text}' is forbidden" if self.grades[text].grade is Grade.FORBIDDEN else None

    def expects(self, key: str) -> str:
        """Return the values that the contract permits."""
        del key
        permitted = (value for value, graded in self.grades.items() if graded.grade is not Grade.FORBIDDEN)
        return f"one of {quoted(permitted)}"

    def harm_of(self, value: object) -> Harm:
        """Return the harm of the grade."""
        return self.grade_of(outcome_text(value)).harm or Harm.ANSWER

    def symptom_of(self, value: object) -> str:
        """Return the symptom of the grade."""
        return self.grade_of(outcome_text(value)).symptom

    def follows_from(self, value: object) -> str:
        """Return the symptom that the grade names as the origin."""
        return self.grade_of(outcome_text(value)).follows_from

    def is_better(self, value: object, others: Iterable[str]) -> bool:
        """Return whether the grade is declared as better than each of the others."""
        return set(others) <= set(self.grade_of(outcome_text(value)).better_than)

    def reason_of(self, value: object) -> str:
        """Return the reason of the grade."""
        return self.grade_of(outcome_text(value)).reason

    def grade_of(self, text: str) -> Graded:
        """Return the grade of a value that was seen, as it is written."""
        return self.grades.get(text, Graded(Grade.FORBIDDEN, "not listed"))


class Trace(JudgeKind, frozen=True, kw_only=True, tag="trace"):
    """Per-actor ordered steps (`Probe.step`); the report names the first point of divergence."""

    reason: str = ""
    """Why the steps are to be the same."""
    reference: str = ""
    """Where that is written down."""

    is_trace = True


class Bounded(JudgeKind, frozen=True, kw_only=True, tag="bounded"):
    """An invariant on a number; breaking it is a violation even if all backends agree."""

    at_least: float | None = None
    """The least that is right; `None` for any."""
    at_most: float | None = None
    """The most that is right; `None` for any."""
    reason: str = ""
    """Why the number has these bounds."""
    reference: str = ""
    """Where that is written down."""
    harm: Harm | None = None
    """What breaking it costs a program; nothing is a wrong answer."""
    symptom: str = ""
    """Name of the behaviour where several questions show the same one."""
    explained_by: tuple[str, ...] = ()
    """Keys whose values explain a breach; a finding shows them."""
    only_where: dict[str, str] = {}
    """Values that other keys must have for the bound to be judged, in a cell that observes them: a load that was not
    the one that was asked for breaks no contract."""

    is_numeric = True
    is_owed = True

    def breaks(self, value: object) -> str | None:
        """Compare with the bounds; `nan`, infinities and values that are no numbers are within none."""
        if not is_number(value):
            return NOT_A_NUMBER
        if self.at_least is not None and value < self.at_least:
            return f"is less than {number_text(self.at_least)}"
        if self.at_most is not None and value > self.at_most:
            return f"is more than {number_text(self.at_most)}"
        return None

    def expects(self, key: str) -> str:
        """Return the bounds around the key."""
        lower = f"{number_text(self.at_least)} ≤ " if self.at_least is not None else ""
        upper = f" ≤ {number_text(self.at_most)}" if self.at_most is not None else ""
        return f"{lower}{key}{upper}"

    def harm_of(self, value: object) -> Harm:
        """Return the harm that is declared, whatever the value."""
        del value
        return self.harm or Harm.ANSWER

    def symptom_of(self, value: object) -> str:
        """Return the symptom that is declared, whatever the value."""
        del value
        return self.symptom


class Metric(JudgeKind, frozen=True, kw_only=True, tag="metric"):
    """A measured quantity; compared by ratio, never by eye. `unit` as shown, e.g. `"ns"`, `"1/s"`, `"MiB/s"`."""

    unit: str
    better: Literal["lower", "higher"] = "lower"
    """Which direction is the better one."""

    is_numeric = True
    is_measured = True


class Info(JudgeKind, frozen=True, kw_only=True, tag="info"):
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


class _More(TypedDict, total=False):
    """The fields of a grade that are given by name."""

    harm: Harm | None
    symptom: str
    follows_from: str
    better_than: tuple[str, ...]


def required(reason: str = "", reference: str = "", **more: Unpack[_More]) -> Graded:
    """Grade an outcome that must be seen at least once."""
    return Graded(Grade.REQUIRED, reason, reference, **more)


def allowed(reason: str = "", reference: str = "", **more: Unpack[_More]) -> Graded:
    """Grade an outcome that is fine."""
    return Graded(Grade.ALLOWED, reason, reference, **more)


def interesting(reason: str = "", reference: str = "", **more: Unpack[_More]) -> Graded:
    """Grade an outcome that is legitimate and that a user would want to know."""
    return Graded(Grade.INTERESTING, reason, reference, **more)


def forbidden(reason: str = "", reference: str = "", **more: Unpack[_More]) -> Graded:
    """Grade an outcome that the contract excludes."""
    return Graded(Grade.FORBIDDEN, reason, reference, **more)


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
    harm: Harm | None = None,
    symptom: str = "",
    only_where: Mapping[str, str] = MappingProxyType({}),
) -> Bounded:
    """Judge a number by an invariant; what breaks it is shown with the values of the keys `explained_by`."""
    return Bounded(
        at_least=at_least,
        at_most=at_most,
        reason=reason,
        reference=reference,
        explained_by=explained_by,
        harm=harm,
        symptom=symptom,
        only_where=dict(only_where),
    )


def metric(unit: str, *, better: Literal["lower", "higher"] = "lower") -> Metric:
    """Declare a measured quantity."""
    return Metric(unit=unit, better=better)


def info(unit: str = "") -> Info:
    """Declare a value that is shown and not judged."""
    return Info(unit=unit)
