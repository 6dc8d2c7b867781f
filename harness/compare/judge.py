"""Judge the values of a row: what breaks the contract is for the judges to decide, here it becomes findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import Exact, Grade, Graded, Judge, Outcomes, Trace
from harness.api.judges import UNLISTED
from harness.model import FindingKind, Group

from .findings import (
    Judgement,
    Sighting,
    group_sightings,
    make_breach,
    make_judgement,
    name_minority,
)
from .rows import CellFacts, Row
from .trace import describe_difference, judge_trace
from .values import number_text, outcome_text, quoted, value_text

_FEW_REPETITIONS = 10
"""With fewer cells, the absence of an outcome means little."""


def judge_observations(row: Row) -> Iterator[Judgement]:
    """Judge every key of a row as its scenario declares it."""
    for key, judge in row.card.judges.items():
        match judge:
            case Exact(expected=None):
                yield from judge_alike(row, key, judge)
            case Outcomes():
                yield from judge_outcomes(row, key, judge)
            case Trace():
                yield from judge_trace(row, key, judge)
            case _:
                yield from judge_breaches(row, key, judge)


# --- each value by itself ---


def judge_breaches(row: Row, key: str, judge: Judge) -> Iterator[Judgement]:
    """Find values that break the contract, whether or not the backends agree on them.

    A value that is not a number although it has to be is a finding about the scenario (`integrity`).
    """
    reporters = [cell for cell in row.ran if _judged_values(cell, key, judge) and _is_judged(cell, judge)]
    complaints = {cell.id: set(map(judge.breaks, _judged_values(cell, key, judge))) for cell in reporters}
    for complaint in sorted({text for texts in complaints.values() for text in texts if text is not None}):
        culprits = [cell for cell in reporters if complaint in complaints[cell.id]]
        yield make_breach(
            row,
            culprits,
            reporters,
            f"{key} {complaint}",
            key=key,
            expected=judge.expects(key),
            reason=judge.reason,
            reference=judge.reference,
            groups=group_sightings(_breach_sightings(reporters, key, judge, complaint)),
            details=_explanation(culprits, judge.explained_by),
        )


def _is_judged(cell: CellFacts, judge: Judge) -> bool:
    return judge.is_about({key: cell.values(key) for key in judge.only_where})


def _judged_values(cell: CellFacts, key: str, judge: Judge) -> list[Any]:
    return cell.numbers(key) if judge.is_numeric else cell.values(key)


def _explanation(culprits: Sequence[CellFacts], keys: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each culprit that recorded something under the keys that explain a breach."""
    found = (
        (cell.label, [f"{key}: {value_text(value)}" for key in keys for value in cell.values(key)]) for cell in culprits
    )
    return tuple(dict.fromkeys(f"{label}: {'; '.join(facts)}" for label, facts in found if facts))


def _breach_sightings(reporters: Sequence[CellFacts], key: str, judge: Judge, complaint: str) -> Iterator[Sighting]:
    """Yield the values of each backend; of numbers those that break the contract, or all if none does."""
    if not judge.is_numeric:
        yield from _sightings(_tally(reporters, key, value_text))
        return
    by_label: dict[str, list[float]] = {}
    for cell in reporters:
        by_label.setdefault(cell.label, []).extend(cell.numbers(key))
    for label, numbers in by_label.items():
        wrong = [number for number in numbers if judge.breaks(number) == complaint]
        yield Sighting(label, _range_text(wrong or numbers), len(wrong or numbers), len(numbers))


def _range_text(numbers: Sequence[float]) -> str:
    low, high = min(numbers), max(numbers)
    return number_text(low) if low == high else f"{number_text(low)} … {number_text(high)}"


# --- the same on every backend ---


def judge_alike(row: Row, key: str, judge: Exact) -> Iterator[Judgement]:
    """Compare the backends with each other, and each with its own repetitions."""
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
            expected=judge.expects(key),
            reason=judge.reason,
            reference=judge.reference,
            groups=groups,
        )


def _judge_varying(
    row: Row, key: str, judge: Exact, seen: dict[str, Counter[str]], varying: Sequence[str]
) -> Judgement:
    culprits = _cells_of(row.completed, varying)
    return make_breach(
        row,
        culprits,
        [cell for cell in row.completed if cell.values(key)],
        f"{key} varies on one backend",
        kind=FindingKind.DIVERGENCE,
        voids=False,
        key=key,
        expected="the same value in every repetition",
        reason=judge.reason,
        reference=judge.reference,
        groups=group_sightings(_sightings({label: seen[label] for label in varying})),
    )


# --- outcomes ---


@dataclass(frozen=True, slots=True, kw_only=True)
class _GradedKey:
    """A key that is judged by a graded set, the cells that reported it and their values."""

    row: Row
    key: str
    judge: Outcomes
    reporters: tuple[CellFacts, ...]
    groups: tuple[Group, ...]

    def culprits(self, complaint: str) -> list[CellFacts]:
        """Return the cells with a value that breaks the contract in this way."""
        return [cell for cell in self.reporters if complaint in map(self.judge.breaks, cell.values(self.key))]

    def breach(
        self, culprits: Sequence[CellFacts], reporters: Sequence[CellFacts], title: str, **fields: Any
    ) -> Judgement:
        """Return a violation, with the values of all backends."""
        title = f"{self.key}: {title}"
        difference = self.difference(culprits)
        return make_breach(
            self.row, culprits, reporters, title, key=self.key, groups=self.groups, divergence=difference, **fields
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
    complaint = case.judge.breaks(value)
    if complaint and (culprits := case.culprits(complaint)):
        yield case.breach(
            culprits,
            case.reporters,
            complaint,
            values=(value,),
            expected=f"another answer than '{value}'",
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
    if culprits := case.culprits(UNLISTED):
        yield case.breach(
            culprits,
            case.reporters,
            UNLISTED,
            values=tuple(group.value for group in case.groups if group.value not in case.judge.grades),
            expected=case.judge.expects(case.key),
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
        f"{case.key} differs by design",
        key=case.key,
        divergence=case.difference(culprits),
        values=tuple(interesting),
        expected=f"any of {quoted(value for value in case.judge.grades if not case.judge.breaks(value))}",
        reason="; ".join(f"{value}: {graded.reason}" for value, graded in interesting.items() if graded.reason),
        reference=", ".join(dict.fromkeys(graded.reference for graded in interesting.values() if graded.reference)),
        groups=case.groups,
        details=_doubt_of(min(counts.total() for counts in tally.values())),
    )


def _doubt_of(repetitions: int) -> tuple[str, ...]:
    if repetitions >= _FEW_REPETITIONS:
        return ()
    return (f"a backend was asked only {repetitions} time{'s' * (repetitions != 1)}: a rare outcome may be missing",)


def _graded_groups(reporters: Sequence[CellFacts], key: str, judge: Outcomes) -> tuple[Group, ...]:
    return tuple(
        Group(
            value=group.value,
            backends=group.backends,
            seen=group.seen,
            of=group.of,
            grade=str((graded := judge.grade_of(group.value)).grade),
            reason=graded.reason,
            reference=graded.reference,
        )
        for group in group_sightings(_sightings(_tally(reporters, key, outcome_text)))
    )


# --- shared by the judges ---


def _tally(cells: Sequence[CellFacts], key: str, text: Callable[[Any], str]) -> dict[str, Counter[str]]:
    """Count how often each label saw each value. A label that saw none is there, empty."""
    counts: dict[str, Counter[str]] = {}
    for cell in cells:
        counts.setdefault(cell.label, Counter()).update(map(text, cell.values(key)))
    return counts


def _sightings(tally: dict[str, Counter[str]]) -> Iterator[Sighting]:
    for label, counts in tally.items():
        total = counts.total()
        for value, seen in counts.items():
            yield Sighting(label, value, seen, total)


def _cells_of(cells: Sequence[CellFacts], labels: Sequence[str]) -> list[CellFacts]:
    return [cell for cell in cells if cell.label in labels]
