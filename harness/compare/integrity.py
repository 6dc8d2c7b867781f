"""Findings about a cell's records and leftovers: can its facts be believed?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.api import ENDING, RETURNS
from harness.api.judges import NOT_A_NUMBER
from harness.model import FindingKind, Group, Outcome, RoleResult, Unhandled

from .findings import Judgement, Sighting, group_sightings, make_breach, make_judgement
from .rows import CellFacts, Row
from .values import adds_up, is_number, number_text, value_text

_MOST_LINES = 8


def judge_integrity(row: Row) -> Iterator[Judgement]:
    """Find everything that makes the facts of a row doubtful, or that outlived its cells."""
    yield from judge_conserved(row)
    yield from judge_unhandled(row)
    yield from judge_leftovers(row)
    yield from judge_undeclared(row)
    yield from judge_not_numbers(row)
    yield from judge_unreported(row)


# --- conservation ---


@dataclass(frozen=True, slots=True)
class CountSheet:
    """A total and its parts as one role of a cell counted them."""

    total: str
    due: float
    parts: tuple[tuple[str, float], ...]

    @property
    def adds_up(self) -> bool:
        """Whether nothing got lost and nothing came out of nowhere."""
        return adds_up(self.due, (count for _, count in self.parts))

    @property
    def arithmetic(self) -> str:
        """The sum with its parts, as a reader would check it."""
        parts = " + ".join(f"{key} {number_text(count)}" for key, count in self.parts)
        found = sum(count for _, count in self.parts)
        sign = "=" if self.adds_up else "≠"
        result = "" if self.adds_up else f" = {number_text(found)}"
        return f"{self.total} {number_text(self.due)} {sign} {parts}{result}"


def count_sheets(cell: CellFacts, conserved: Mapping[str, tuple[str, ...]]) -> Iterator[CountSheet]:
    """Yield the sums that a cell's counts must satisfy, for each role that recorded the total."""
    for total, parts in conserved.items():
        for role in dict.fromkeys(fact.role for fact in cell.observed.get(total, ())):
            if not cell.completed and not all(_is_counted(cell, part, role) for part in parts):
                continue  # it was stopped while it counted
            counts = tuple((part, _sum_of(cell, part, role)) for part in parts)
            yield CountSheet(total, _sum_of(cell, total, role), counts)


def judge_conserved(row: Row) -> Iterator[Judgement]:
    """Find counts that do not add up: the cell lost track of something."""
    for total, parts in row.card.conserved.items():
        sheets = {cell.id: list(count_sheets(cell, {total: parts})) for cell in row.ran}
        reporters = [cell for cell in row.ran if sheets[cell.id]]
        wrong = {cell.id: [s for s in sheets[cell.id] if not s.adds_up] for cell in reporters}
        culprits = [cell for cell in reporters if wrong[cell.id]]
        if culprits:
            lines = [f"{cell.label}: {sheet.arithmetic}" for cell in culprits for sheet in wrong[cell.id]]
            yield make_breach(
                row,
                culprits,
                reporters,
                f"counts are not conserved: {total}",
                key=total,
                expected=f"{total} = {' + '.join(parts)}",
                reason="every operation that was due has to be accounted for, or numbers leave out failures",
                groups=_sightings_of(culprits, reporters, "does not add up", "adds up"),
                details=_shortened(lines),
            )


def _is_counted(cell: CellFacts, key: str, role: str) -> bool:
    return any(fact.role == role for fact in cell.observed.get(key, ()))


def _sum_of(cell: CellFacts, key: str, role: str) -> float:
    values: list[float] = [fact.value for fact in cell.observed.get(key, ()) if fact.role == role]
    return sum(value for value in values if is_number(value))


# --- exceptions that no task awaited, processes left running ---


def judge_unhandled(row: Row) -> Iterator[Judgement]:
    """Find exceptions that a runtime logged or dropped, by their type."""
    by_type: dict[str, list[tuple[CellFacts, Unhandled]]] = {}
    for cell in row.cells:
        for role in cell.roles:
            for unhandled in role.unhandled:
                name = unhandled.error.type if unhandled.error else "without a type"
                by_type.setdefault(name, []).append((cell, unhandled))
    for name, cases in by_type.items():
        culprits = list({cell.id: cell for cell, _ in cases}.values())
        yield make_judgement(
            row,
            FindingKind.UNHANDLED,
            culprits,
            f"unhandled exception {name}",
            voids=True,
            expected="every exception reaches a caller",
            groups=_sightings_of(culprits, row.ran, f"unhandled {name}", "none"),
            details=(
                *_shortened([f"{cell.label}: {_unhandled_text(unhandled)}" for cell, unhandled in cases]),
                *_counts_of_more(culprits),
            ),
        )


def _counts_of_more(cells: Sequence[CellFacts]) -> Iterator[str]:
    """Yield how many exceptions of each cell were not kept; of which type they are is not known."""
    for cell in cells:
        if more := sum(role.unhandled_more for role in cell.roles):
            yield f"{cell.label}: {more} more unhandled exceptions in {cell.id} were counted and not kept"


def _unhandled_text(unhandled: Unhandled) -> str:
    if unhandled.error is None:
        return unhandled.context
    return f"{unhandled.error.type}: {unhandled.error.message} ({unhandled.context})"


def judge_leftovers(row: Row) -> Iterator[Judgement]:
    """Find what outlived its cell or its scenario: processes, and what stays in the cell's own one."""
    for attribute, title, expected in (
        ("survivors", "leaves processes that could not be ended", "nothing outlives a cell"),
        ("escaped", "leaves processes behind", "nothing outlives a cell"),
        ("leaks", "leaves tasks, threads, children or files", "nothing outlives a scenario"),
    ):
        left = {cell.id: [name for role in cell.roles for name in _left_by(role, attribute)] for cell in row.cells}
        if attribute == "escaped":  # of a refused worker: its starter is to blame, as the outcome shows
            left |= {cell.id: [] for cell in row.cells if cell.outcome is Outcome.INVALID_ENV}
        culprits = [cell for cell in row.cells if left[cell.id]]
        if culprits:
            yield make_judgement(
                row,
                FindingKind.LEFTOVER,
                culprits,
                title,
                expected=expected,
                details=_shortened([f"{cell.label}: {name}" for cell in culprits for name in left[cell.id]]),
            )


def _left_by(role: RoleResult, attribute: str) -> Iterator[str]:
    lines: tuple[str, ...] = getattr(role, attribute)
    processes = {line.split()[0] for line in (*role.escaped, *role.survivors)}
    for line in lines:
        # A child that also outlived its cell is reported once.
        if attribute != "leaks" or not (line.startswith("child ") and line.split()[1] in processes):
            yield line


# --- keys ---


def judge_undeclared(row: Row) -> Iterator[Judgement]:
    """Find observations without a declared judge: they would never be evaluated."""
    if not row.card.judges:
        return
    keys = dict.fromkeys(key for cell in row.cells for key in cell.observed if key not in row.card.judges)
    for key in keys:
        yield make_judgement(
            row,
            FindingKind.SUSPECT_SCENARIO,
            [cell for cell in row.cells if key in cell.observed],
            f"{key} is observed but not declared",
            key=key,
            expected="every observation key is declared in the scenario's judges",
        )


def judge_not_numbers(row: Row) -> Iterator[Judgement]:
    """Find values that cannot be measured although their key is declared to be a number."""
    numeric = [key for key, judge in row.card.judges.items() if judge.is_numeric]
    counted = [key for total, parts in row.card.conserved.items() for key in (total, *parts)]
    for key in dict.fromkeys([*numeric, *counted]):
        wrong = {cell.id: [v for v in cell.values(key) if not is_number(v)] for cell in row.ran}
        culprits = [cell for cell in row.ran if wrong[cell.id]]
        if culprits:
            yield make_judgement(
                row,
                FindingKind.SUSPECT_SCENARIO,
                culprits,
                f"{key} {NOT_A_NUMBER}",
                voids=True,
                key=key,
                expected="a number",
                groups=group_sightings(
                    Sighting(label, value_text(value))
                    for label, value in {cell.label: wrong[cell.id][0] for cell in culprits}.items()
                ),
            )


def judge_unreported(row: Row) -> Iterator[Judgement]:
    """Find cells that completed without a value that others of the row did report."""
    for key, judge in row.card.judges.items():
        if not judge.is_owed:
            continue
        reporters = [cell for cell in row.completed if key in cell.observed]
        culprits = [cell for cell in row.completed if key not in cell.observed and not _ended_early(cell)]
        if reporters and culprits:
            yield make_judgement(
                row,
                FindingKind.DIVERGENCE,
                culprits,
                f"{key} is not reported",
                key=key,
                expected="a value, as from the other cells of the row that completed",
                reason=judge.reason,
                reference=judge.reference,
                groups=_sightings_of(culprits, row.completed, "not reported", "reported"),
            )


def _ended_early(cell: CellFacts) -> bool:
    # Where the question is how a run ends, an end by an exception is judged for itself.
    return any(value != RETURNS for value in cell.values(ENDING))


# --- shared by the checks ---


def _sightings_of(
    culprits: Sequence[CellFacts], reporters: Sequence[CellFacts], wrong: str, right: str
) -> tuple[Group, ...]:
    """Group backends by how many of their cells are among the culprits."""
    guilty = {cell.id for cell in culprits}
    by_label: dict[str, list[bool]] = {}
    for cell in dict.fromkeys([*reporters, *culprits]):
        by_label.setdefault(cell.label, []).append(cell.id in guilty)
    sightings = [
        Sighting(label, wrong if any(flags) else right, sum(flags) or len(flags), len(flags))
        for label, flags in by_label.items()
    ]
    return group_sightings(sightings)


def _shortened(lines: Sequence[str]) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(lines))
    more = len(distinct) - _MOST_LINES
    return tuple(distinct) if more <= 0 else (*distinct[:_MOST_LINES], f"and {more} more")
