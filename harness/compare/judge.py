"""One function for each way in which a scenario lets its values be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from harness.api import Bounded, Exact, Grade, Graded, Info, Metric, Outcomes, Trace
from harness.model import FindingKind, Group

from .findings import (
    EVERY_BACKEND,
    Judgement,
    Sighting,
    group_sightings,
    is_every_backend,
    make_breach,
    make_judgement,
    name_minority,
)
from .rows import CellFacts, Row
from .trace import describe_difference, judge_trace
from .values import number_text, outcome_text, quoted, value_text

_FEW_REPETITIONS = 10
"""With fewer, that an outcome was not seen says little."""


def judge_observations(row: Row) -> Iterator[Judgement]:
    """Judge every key of a row as its scenario declares it."""
    for key, judge in row.card.judges.items():
        match judge:
            case Exact():
                yield from judge_exact(row, key, judge)
            case Outcomes():
                yield from judge_outcomes(row, key, judge)
            case Bounded():
                yield from judge_bounded(row, key, judge)
            case Trace():
                yield from judge_trace(row, key, judge)
            case Metric() | Info():
                pass  # figures only; shown, not judged
            case _:
                assert_never(judge)


# --- exact ---


def judge_exact(row: Row, key: str, judge: Exact) -> Iterator[Judgement]:
    """Compare with the contract if it names a value, else the backends with each other."""
    if judge.expected is not None:
        yield from _judge_expected(row, key, judge)
        return
    seen = {label: counts for label, counts in _tally(row.completed, key, value_text).items() if counts}
    varying = [label for label, counts in seen.items() if len(counts) > 1]
    if varying:
        yield _judge_varying(row, key, judge, seen, varying)
    steady = {label: counts for label, counts in seen.items() if label not in varying}
    groups = group_sightings(_sightings(steady))
    if len(groups) > 1:
        yield make_judgement(
            row,
            FindingKind.DIVERGENCE,
            _cells_of(row.completed, minority := name_minority(groups, tuple(steady))),
            f"{key} differs",
            backends=minority,
            key=key,
            expected="the same value on every backend",
            reason=judge.reason,
            reference=judge.reference,
            groups=groups,
        )


def _judge_expected(row: Row, key: str, judge: Exact) -> Iterator[Judgement]:
    expected = value_text(judge.expected)
    reporters = [cell for cell in row.ran if cell.values(key)]
    culprits = [cell for cell in reporters if any(value_text(value) != expected for value in cell.values(key))]
    if culprits:
        yield make_breach(
            row,
            culprits,
            reporters,
            f"{key} is not {expected}",
            key=key,
            expected=expected,
            reason=judge.reason,
            reference=judge.reference,
            groups=group_sightings(_sightings(_tally(reporters, key, value_text))),
        )


def _judge_varying(
    row: Row, key: str, judge: Exact, seen: dict[str, Counter[str]], varying: Sequence[str]
) -> Judgement:
    culprits = _cells_of(row.completed, varying)
    suspect = is_every_backend(culprits, [cell for cell in row.completed if cell.values(key)])
    return make_judgement(
        row,
        FindingKind.SUSPECT_SCENARIO if suspect else FindingKind.DIVERGENCE,
        culprits,
        f"{key} varies on one backend",
        key=key,
        expected="the same value in every repetition",
        reason=judge.reason,
        reference=judge.reference,
        groups=group_sightings(_sightings({label: seen[label] for label in varying})),
        details=(EVERY_BACKEND,) if suspect else (),
        otherwise=FindingKind.DIVERGENCE if suspect else None,
    )


# --- outcomes ---


@dataclass(frozen=True, slots=True, kw_only=True)
class _GradedKey:
    """A key that is judged by a graded set, the cells that reported it and what they saw."""

    row: Row
    key: str
    judge: Outcomes
    reporters: tuple[CellFacts, ...]
    groups: tuple[Group, ...]

    def breach(
        self, culprits: Sequence[CellFacts], everybody: Sequence[CellFacts], title: str, **fields: Any
    ) -> Judgement:
        """Return a violation, with what everybody saw."""
        title = f"{self.key}: {title}"
        difference = self.difference(culprits)
        return make_breach(
            self.row, culprits, everybody, title, key=self.key, groups=self.groups, divergence=difference, **fields
        )

    def difference(self, culprits: Sequence[CellFacts]) -> str:
        """Return the first step that one of the culprits takes and a backend that is none of them does not."""
        labels = {cell.label for cell in culprits}
        model = next((cell for cell in self.reporters if cell.label not in labels and cell.steps), None)
        culprit = next((cell for cell in culprits if cell.steps), None)
        return describe_difference(model, culprit, self.row) if model and culprit else ""


def judge_outcomes(row: Row, key: str, judge: Outcomes) -> Iterator[Judgement]:
    """Find outcomes that are forbidden, not listed, missing, or that not every backend shows."""
    reporters = tuple(cell for cell in row.ran if cell.values(key))
    if not reporters:
        return
    graded_key = _GradedKey(
        row=row, key=key, judge=judge, reporters=reporters, groups=_graded_groups(reporters, key, judge)
    )
    for value, graded in judge.grades.items():
        if graded.grade is Grade.FORBIDDEN:
            yield from _judge_forbidden(graded_key, value, graded)
        elif graded.grade is Grade.REQUIRED:
            yield from _judge_required(graded_key, value, graded)
    yield from _judge_unlisted(graded_key)
    yield from _judge_interesting(graded_key)


def _judge_forbidden(case: _GradedKey, value: str, graded: Graded) -> Iterator[Judgement]:
    culprits = [cell for cell in case.reporters if value in map(outcome_text, cell.values(case.key))]
    if culprits:
        yield case.breach(
            culprits,
            case.reporters,
            f"'{value}' is forbidden",
            values=(value,),
            expected=f"never '{value}'",
            reason=graded.reason,
            reference=graded.reference,
        )


def _judge_required(case: _GradedKey, value: str, graded: Graded) -> Iterator[Judgement]:
    completed = case.row.completed
    lacking = [label for label, counts in _tally(completed, case.key, outcome_text).items() if not counts[value]]
    if lacking:
        yield case.breach(
            _cells_of(completed, lacking),
            completed,
            f"'{value}' was not seen",
            expected=f"'{value}' at least once",
            reason=graded.reason,
            reference=graded.reference,
        )


def _judge_unlisted(case: _GradedKey) -> Iterator[Judgement]:
    grades = case.judge.grades
    culprits = [
        cell for cell in case.reporters if any(outcome_text(value) not in grades for value in cell.values(case.key))
    ]
    if culprits:
        permitted = [value for value in grades if _is_permitted(case.judge, value)]
        yield case.breach(
            culprits,
            case.reporters,
            "an outcome that the contract does not list",
            values=tuple(group.value for group in case.groups if group.value not in grades),
            expected=f"one of {quoted(permitted)}",
        )


def _judge_interesting(case: _GradedKey) -> Iterator[Judgement]:
    """Compare the sets of outcomes: a difference is worth a word if an interesting outcome makes it."""
    tally = _tally(case.reporters, case.key, outcome_text)
    seen_by_all = [value for value in case.judge.grades if all(counts[value] for counts in tally.values())]
    interesting = {
        value: graded
        for value, graded in case.judge.grades.items()
        if graded.grade is Grade.INTERESTING
        and value not in seen_by_all
        and any(counts[value] for counts in tally.values())
    }
    if not interesting:
        return
    labels = [label for label, counts in tally.items() if any(counts[value] for value in interesting)]
    culprits = _cells_of(case.reporters, labels)
    yield make_judgement(
        case.row,
        FindingKind.INTERESTING,
        culprits,
        f"{case.key} differs, as it may",
        key=case.key,
        divergence=case.difference(culprits),
        values=tuple(interesting),
        expected=f"any of {quoted(value for value in case.judge.grades if _is_permitted(case.judge, value))}",
        reason="; ".join(f"{value}: {graded.reason}" for value, graded in interesting.items() if graded.reason),
        reference=", ".join(dict.fromkeys(graded.reference for graded in interesting.values() if graded.reference)),
        groups=case.groups,
        details=_doubt_of(min(counts.total() for counts in tally.values())),
    )


def _is_permitted(judge: Outcomes, value: str) -> bool:
    return judge.grades[value].grade is not Grade.FORBIDDEN


def _doubt_of(repetitions: int) -> tuple[str, ...]:
    if repetitions >= _FEW_REPETITIONS:
        return ()
    return (f"a backend was asked only {repetitions} time{'s' * (repetitions != 1)}: a rare outcome may be missing",)


def _graded_groups(reporters: Sequence[CellFacts], key: str, judge: Outcomes) -> tuple[Group, ...]:
    unlisted = Graded(Grade.FORBIDDEN, "not listed")
    return tuple(
        Group(
            value=group.value,
            backends=group.backends,
            seen=group.seen,
            of=group.of,
            grade=str((graded := judge.grades.get(group.value, unlisted)).grade),
            reason=graded.reason,
            reference=graded.reference,
        )
        for group in group_sightings(_sightings(_tally(reporters, key, outcome_text)))
    )


# --- bounded ---


def judge_bounded(row: Row, key: str, judge: Bounded) -> Iterator[Judgement]:
    """Find numbers beyond their bounds, whether or not the backends agree on them."""
    reporters = [cell for cell in row.ran if cell.numbers(key)]
    for holds, complaint in _bounds(judge):
        culprits = [cell for cell in reporters if not all(map(holds, cell.numbers(key)))]
        if culprits:
            yield make_breach(
                row,
                culprits,
                reporters,
                f"{key} is {complaint}",
                key=key,
                expected=_expected_bounds(key, judge),
                reason=judge.reason,
                reference=judge.reference,
                groups=group_sightings(_bound_sightings(reporters, key, holds)),
                details=_explanation(culprits, judge.explained_by),
            )


def _explanation(culprits: Sequence[CellFacts], keys: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each culprit that recorded something under the keys that explain a breach."""
    found = (
        (cell.label, [f"{key}: {value_text(value)}" for key in keys for value in cell.values(key)]) for cell in culprits
    )
    return tuple(dict.fromkeys(f"{label}: {'; '.join(facts)}" for label, facts in found if facts))


def _bounds(judge: Bounded) -> Iterator[tuple[Callable[[float], bool], str]]:
    if (low := judge.at_least) is not None:
        yield (lambda value: value >= low), f"less than {number_text(low)}"
    if (high := judge.at_most) is not None:
        yield (lambda value: value <= high), f"more than {number_text(high)}"


def _expected_bounds(key: str, judge: Bounded) -> str:
    lower = f"{number_text(judge.at_least)} ≤ " if judge.at_least is not None else ""
    upper = f" ≤ {number_text(judge.at_most)}" if judge.at_most is not None else ""
    return f"{lower}{key}{upper}"


def _bound_sightings(reporters: Sequence[CellFacts], key: str, holds: Callable[[float], bool]) -> Iterator[Sighting]:
    """Yield for each backend the numbers that break the bound, or the numbers it saw if none does."""
    by_label: dict[str, list[float]] = {}
    for cell in reporters:
        by_label.setdefault(cell.label, []).extend(cell.numbers(key))
    for label, numbers in by_label.items():
        wrong = [number for number in numbers if not holds(number)]
        yield Sighting(label, _range_text(wrong or numbers), len(wrong or numbers), len(numbers))


def _range_text(numbers: Sequence[float]) -> str:
    low, high = min(numbers), max(numbers)
    return number_text(low) if low == high else f"{number_text(low)} … {number_text(high)}"


# --- what they share ---


def _tally(cells: Sequence[CellFacts], key: str, text: Callable[[Any], str]) -> dict[str, Counter[str]]:
    """Count how often each label saw each value. A label that saw none is there, empty."""
    counts: dict[str, Counter[str]] = {}
    for cell in cells:
        counts.setdefault(cell.label, Counter()).update(map(text, cell.values(key)))
    return counts


def _sightings(tally: dict[str, Counter[str]]) -> Iterator[Sighting]:
    for label, counts in tally.items():
        for value, seen in counts.items():
            yield Sighting(label, value, seen, counts.total())


def _cells_of(cells: Sequence[CellFacts], labels: Sequence[str]) -> list[CellFacts]:
    return [cell for cell in cells if cell.label in labels]
