"""The answers of a row: which backends gave which, how often, and how the contract grades it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.api import Graded, Outcomes
from harness.model import RowSummary, ScenarioCard
from harness_reports.safe_text import clean

_TONES = {"forbidden": "bad", "interesting": "may", "required": "ok", "allowed": "ok"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLine:
    """Backends that gave the same answer, equally often."""

    value: str
    backends: tuple[str, ...]
    seen: str = ""
    grade: str = ""
    tone: str = "may"
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTable:
    """The answers of one key."""

    key: str
    lines: tuple[AnswerLine, ...]


def list_answers(row: RowSummary, card: ScenarioCard) -> Iterator[AnswerTable]:
    """Yield a table for each key that is judged by a set, and for each other judged key that differs."""
    for key, judge in card.judges.items():
        if isinstance(judge, Outcomes):
            lines = tuple(_graded(row, key, judge))
            if lines:
                yield AnswerTable(key=clean(key), lines=lines)
        elif judge.is_owed:
            lines = tuple(_grouped(row, key))
            if len(lines) > 1:
                yield AnswerTable(key=clean(key), lines=lines)


def _graded(row: RowSummary, key: str, judge: Outcomes) -> Iterable[AnswerLine]:
    seen: dict[tuple[str, str], list[str]] = {}
    for cell in row.cells:
        counts = cell.frequencies.get(key, {})
        total = sum(counts.values())
        for value, count in counts.items():
            seen.setdefault((value, f"{count} of {total}"), []).append(clean(cell.label))
    for (value, share), backends in seen.items():
        graded: Graded = judge.grade_of(value)
        yield AnswerLine(
            value=clean(value),
            backends=tuple(backends),
            seen=share,
            grade=graded.grade.value,
            tone=_TONES.get(graded.grade.value, "may"),
            reason=clean(graded.reason),
            reference=clean(graded.reference),
        )


def _grouped(row: RowSummary, key: str) -> Iterable[AnswerLine]:
    seen: dict[str, list[str]] = {}
    for cell in row.cells:
        if key in cell.values:
            seen.setdefault(clean(cell.values[key]), []).append(clean(cell.label))
    for value, backends in sorted(seen.items(), key=lambda item: -len(item[1])):
        yield AnswerLine(value=value, backends=tuple(backends))
