"""Tests of a suite that end differently: which backend, from which cause, and whether they differ alone as well.

A test that ends alike on all backends is no finding, however it ends. What differs is run again alone, a few tests for
each cause: a difference that is gone then depends on other tests.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from msgspec import structs

from harness.model import CellRecord, Observed, Outcome, Request, RowId, Run, make_command

from .rows import all_records, order_labels

CONFIRMED_MOST = 3
"""Tests of a cause that are run again alone."""
_SEVERITY = (
    "passed", "xfailed", "leaked", "xpassed", "error in teardown", "error in set-up", "failed",
    "still runs", "hung", "crashed",
)  # fmt: skip
_PASSES = frozenset({"passed", "xfailed"})
_FINE = frozenset({"passed", "xfailed", "leaked"})
_ENDINGS = {Outcome.HUNG: "hung", Outcome.CRASHED: "crashed", Outcome.LIMIT: "crashed", Outcome.TIMED_OUT: "still runs"}
_UNDER = "under order "
"""Begins the reason of a test that hangs or crashes under another order of steps."""
SKIPPED, NOT_ASKED = "skipped", "not asked"
_ENVIRONMENT = frozenset({"ImportError", "ModuleNotFoundError", "PermissionError"})
_SUSPECTS = ("Address already in use", "Bad file descriptor", "loop is closed", "ResourceWarning", "Unraisable")
"""Parts of the messages of errors that often come from another test."""


class CauseKind(StrEnum):
    """Subject of a cause."""

    BEHAVIOUR = "behaviour of the loop"
    """It shows alone as well."""
    INTERNALS = "test of internals"
    """The test looks for a private attribute, or puts a mock in the place of one."""
    NO_LOOP = "no loop in it"
    """No loop ran in the test and none was made: it is a victim of another test, or flaky."""
    LEAK = "left behind"
    """The test passes, and descriptors, threads, children or tasks stay."""
    VICTIM = "victim of another test"
    """An error that a resource of another test causes; it is gone, or was not seen, alone."""
    ALONE_ALIKE = "not repeated alone"
    """Alone there is no difference: it depends on other tests, or on timing."""
    ENVIRONMENT = "environment"
    """A module or a permission is missing."""
    UNCLEAR = "unclear"
    """No test of it was run alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteDifference:
    """A test that ends worse on one backend than on another one."""

    row: RowId
    label: str
    """The backend where it ends worse."""
    usual: Mapping[str, int]
    """How often it ended how where it ends better."""
    seen: Mapping[str, int]
    """How often it ended how on this backend."""
    error: str
    """Type and first line of the exception, or how the process ended."""
    is_repeated: bool | None
    """Whether the two differ alone as well; `None` if that was not asked."""
    cell_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteCause:
    """What differences of one backend have in common."""

    label: str
    title: str
    place: str
    """Innermost frame outside the tests, as `file:function`; empty in a test itself."""
    kind: CauseKind
    differences: tuple[SuiteDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBreach:
    """A test that passes in the own order of a backend and ends worse under another order of steps."""

    row: RowId
    label: str
    error: str
    """Type and first line of the exception under the first such order, or how the process ended."""
    order: str
    """Seed of the first such order, and how many there are."""
    rounds: tuple[int, int]
    """In how many rounds of all that ran."""
    command: str
    """Runs the test under the first such order again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSummary:
    """The tests of a run, counted."""

    tests: int
    agree: int
    """Tests that end alike on every backend that could be asked."""
    not_run: int
    """Tests that did not run on a backend although they were to."""
    broken: tuple[str, ...]
    """Of those that agree, the ones that do not pass."""
    leaking: tuple[str, ...] = ()
    """Of those that agree, the ones that pass and leave resources behind."""
    hung: int
    """Tests that hang on at least one backend."""
    causes: tuple[SuiteCause, ...]
    """Of the tests that differ; those of most tests first."""
    not_asked: Mapping[str, Mapping[str, int]]
    """By backend, the reasons for which tests say nothing about it, with their number."""
    fixed: Mapping[str, int] = field(default_factory=dict)
    """By scheduler, the tests that choose it themselves: it is the same on every backend."""
    breaches: tuple[OrderBreach, ...] = ()
    """Under other orders of steps, where the run has them."""
    asked_orders: int = 0
    """Tests that were run under other orders on at least one backend."""
    changes: tuple[str, ...] = ()
    """Arguments added to those of the suite."""


@dataclass(frozen=True, slots=True)
class _Square:
    """The records of a test on a backend."""

    together: tuple[CellRecord, ...]
    alone: tuple[CellRecord, ...]
    is_elsewhere: bool = False
    """Whether it passes without a scheduler, and one runs in it on another backend."""

    @property
    def endings(self) -> Counter[str]:
        """How often it ended how, of the rounds in which it was asked."""
        if self.is_elsewhere:
            return Counter()
        return Counter(ending for record in self.together if (ending := ending_of(record)) in _SEVERITY)

    @property
    def schedulers(self) -> str:
        """The classes of the schedulers that ran in it; empty if none did."""
        return next((str(ran) for record in self.together if (ran := _fact(record, "schedulers"))), "")

    @property
    def is_unfinished(self) -> bool:
        """Whether a round did not run, which is neither a skip nor another loop's."""
        return any(not ending_of(record) for record in self.together)

    @property
    def worst(self) -> int:
        """Severity of the worst ending; -1 if it did not run."""
        return max(map(_SEVERITY.index, self.endings), default=-1)

    @property
    def worst_record(self) -> CellRecord:
        """A record with the worst ending."""
        return next(each for each in self.together if ending_of(each) == _SEVERITY[self.worst])


def ending_of(record: CellRecord) -> str:
    """Return how a test ended: a result, `hung`, `crashed`, `skipped`, `not asked`, or nothing if it did not run."""
    outcome, reason = record.result.outcome, record.result.reason
    if outcome is Outcome.UNSUPPORTED:
        return SKIPPED if reason.startswith(SKIPPED) else NOT_ASKED
    if outcome is Outcome.COMPLETED:
        return str(_fact(record, "outcome") or "")
    return _ENDINGS.get(outcome, "")


def summarise_suite(run: Run) -> SuiteSummary:
    """Return the tests of a run, with what differs grouped by cause."""
    tests = _group(run)
    fixed = {row: next(iter(ran)) for row, squares in tests.items() if (ran := _find_fixed(squares))}
    differences = [(found, record) for row, squares in tests.items() for found, record in _compare(row, squares)]
    differing = {found.row for found, _ in differences}
    not_run = {row for row, squares in tests.items() if any(square.is_unfinished for square in squares.values())}
    agreeing = {row: squares for row, squares in tests.items() if row not in differing | not_run}
    endings = {row: {ending for s in squares.values() for ending in s.endings} for row, squares in agreeing.items()}
    suite = run.started.request.suite
    return SuiteSummary(
        tests=len(tests),
        agree=len(agreeing),
        not_run=len(not_run - differing),
        broken=tuple(row.scenario for row, seen in endings.items() if seen - _FINE),
        leaking=tuple(row.scenario for row, seen in endings.items() if "leaked" in seen and not seen - _FINE),
        hung=sum(any("hung" in square.endings for square in squares.values()) for squares in tests.values()),
        causes=_group_by_cause(differences),
        not_asked=_count_not_asked({row: squares for row, squares in tests.items() if row not in fixed}),
        fixed=dict(Counter(fixed.values()).most_common()),
        breaches=tuple(_find_breaches(run.started.request, tests)),
        asked_orders=sum(any(_was_reordered(s) for s in squares.values()) for squares in tests.values()),
        changes=suite.changes if suite else (),
    )


def _find_fixed(squares: Mapping[str, _Square]) -> set[str]:
    """Return the scheduler that a test chooses itself: the same one ran on all of several backends."""
    ran = {square.schedulers for square in squares.values()}
    return ran if len(squares) > 1 and len(ran) == 1 and "" not in ran else set()


def _was_reordered(square: _Square) -> bool:
    return any(_fact(record, "under orders") for record in square.together)


def _find_breaches(request: Request, tests: Mapping[RowId, Mapping[str, _Square]]) -> Iterator[OrderBreach]:
    for row, squares in tests.items():
        for label, square in squares.items():
            found = [(record, breach) for record in square.together if (breach := _describe_order(record))]
            if found:
                record, (error, order) = found[0]
                yield OrderBreach(
                    row=row,
                    label=label,
                    error=error,
                    order=order,
                    rounds=(len(found), len(square.together)),
                    command=_make_replay(record, request, order),
                )


def _make_replay(record: CellRecord, request: Request, order: str) -> str:
    """Return the command that runs a test on one backend under one order, recorded as `seed N, ...`."""
    assert request.suite is not None, "only the tests of a suite run under further orders"
    suite = request.suite
    if seed := re.match(r"seed (\d+)", order):  # else the journal has been edited: all orders again
        suite = structs.replace(suite, schedules=0, replay=int(seed[1]))
    backends = (str(record.cell.roles[0].backend),)
    return make_command(record.cell, structs.replace(request, backends=backends, rounds=1, suite=suite), seed=0)


def _describe_order(record: CellRecord) -> tuple[str, str] | None:
    """Return the error under another order of steps, and that order."""
    reason = record.result.reason
    if reason.startswith(_UNDER):
        order, _, error = reason.removeprefix(_UNDER).partition(": ")
        return error, f"seed {order}"
    if _fact(record, "under orders") in (None, "passed"):
        return None
    return str(_fact(record, "order error")), str(_fact(record, "order"))


def list_failed(run: Run) -> frozenset[str]:
    """Return the tests that did not pass on every backend that was asked, or not under every order of steps."""
    tests = _group(run)
    failed = {row.scenario for row, squares in tests.items() if any(set(s.endings) - _PASSES for s in squares.values())}
    return frozenset(failed | {breach.row.scenario for breach in _find_breaches(run.started.request, tests)})


def list_unconfirmed(run: Run) -> tuple[RowId, ...]:
    """Return the tests to run again alone: a few of each cause."""
    chosen = (found.row for cause in summarise_suite(run).causes for found in cause.differences[:CONFIRMED_MOST])
    return tuple(dict.fromkeys(chosen))


def _group(run: Run) -> dict[RowId, dict[str, _Square]]:
    """Return the records of each test by backend, the reference first."""
    records = all_records(run)
    labels = order_labels(run, records)
    reference = run.started.plan.baseline or next(iter(labels), "")
    rounds = run.started.request.rounds
    grouped: dict[RowId, dict[str, list[CellRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        grouped[record.cell.row][record.cell.label].append(record)
    ordered = sorted(labels, key=lambda label: label != reference)
    return {
        row: _drop_idle({label: _make_square(by_label[label], rounds) for label in ordered if label in by_label})
        for row, by_label in grouped.items()
    }


def _drop_idle(squares: dict[str, _Square]) -> dict[str, _Square]:
    """Mark where a test passes without a scheduler although it runs one on another backend: it was not asked there."""
    if not any(square.schedulers for square in squares.values()):
        return squares
    return {
        label: replace(square, is_elsewhere=not square.schedulers and set(square.endings) == {"passed"})
        for label, square in squares.items()
    }


def _make_square(records: Sequence[CellRecord], rounds: int) -> _Square:
    ordered = sorted(records, key=lambda record: record.cell.round)
    return _Square(
        tuple(record for record in ordered if record.cell.round <= rounds),
        tuple(record for record in ordered if record.cell.round > rounds),
    )


def _compare(row: RowId, squares: Mapping[str, _Square]) -> Iterator[tuple[SuiteDifference, CellRecord]]:
    """Yield where a test ends worse than on the reference, or worse on the reference than anywhere else."""
    ran = {label: square for label, square in squares.items() if square.worst >= 0}
    if len(ran) < 2:
        return
    (reference, usual), *others = ran.items()
    worse = [(label, square) for label, square in others if square.worst > usual.worst]
    for label, square in worse:
        yield _describe(row, label, square, usual), square.worst_record
    better = [square for _, square in others if square.worst < usual.worst]
    if better and not worse and len(better) == len(others):
        yield _describe(row, reference, usual, better[0]), usual.worst_record


def _describe(row: RowId, label: str, square: _Square, usual: _Square) -> SuiteDifference:
    alone, usual_alone = ({ending_of(record) for record in each.alone} - {""} for each in (square, usual))
    record = square.worst_record
    return SuiteDifference(
        row=row,
        label=label,
        usual=usual.endings,
        seen=square.endings,
        error=str(_fact(record, "error") or record.result.reason or ending_of(record)),
        is_repeated=alone != usual_alone if alone and usual_alone else None,
        cell_id=record.cell.id,
    )


def _group_by_cause(differences: Iterable[tuple[SuiteDifference, CellRecord]]) -> tuple[SuiteCause, ...]:
    grouped: dict[tuple[str, ...], list[tuple[SuiteDifference, CellRecord]]] = defaultdict(list)
    for found, record in differences:
        grouped[(found.label, *_signature(record))].append((found, record))
    causes = [
        SuiteCause(
            label=key[0],
            title=_shortest_error(members),
            place=key[-1],
            kind=_classify([found for found, _ in members], _cause_of(members[0][1])),
            differences=tuple(found for found, _ in members),
        )
        for key, members in grouped.items()
    ]
    return tuple(sorted(causes, key=lambda cause: -len(cause.differences)))


def _signature(record: CellRecord) -> tuple[str, ...]:
    """Return what records of one cause have in common; the last part is the place."""
    cause, ending = _cause_of(record), ending_of(record)
    if not cause:
        diagnoses = [role.autopsy.diagnosis for role in record.result.roles if role.autopsy]
        return (ending, *(diagnoses if ending == "hung" else [record.result.reason]), "")
    place = "" if cause.get("in_test") else str(cause.get("place", ""))
    file = str(cause.get("place", "")).partition(":")[0] if cause["type"] == "AssertionError" and not place else ""
    no_loop = "no loop" if cause.get("without_loop") else ""
    return (str(cause["type"]), str(cause.get("normal", "")), no_loop, file, place)


def _shortest_error(members: Sequence[tuple[SuiteDifference, CellRecord]]) -> str:
    return min((found.error for found, _ in members), key=len)


def _classify(differences: Sequence[SuiteDifference], cause: Mapping[str, Any]) -> CauseKind:
    if cause.get("internals"):
        return CauseKind.INTERNALS
    if cause.get("without_loop"):
        return CauseKind.NO_LOOP
    if cause.get("type") == "leaked":
        return CauseKind.LEAK
    repeated = {found.is_repeated for found in differences}
    is_suspect = any(part in found.error for found in differences for part in _SUSPECTS)
    if True in repeated:
        return CauseKind.ENVIRONMENT if cause.get("type") in _ENVIRONMENT else CauseKind.BEHAVIOUR
    if is_suspect:
        return CauseKind.VICTIM
    return CauseKind.ALONE_ALIKE if False in repeated else CauseKind.UNCLEAR


def _count_not_asked(tests: Mapping[RowId, Mapping[str, _Square]]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for squares in tests.values():
        for label, square in squares.items():
            for record in square.together[:1]:
                ending = ending_of(record)
                if ending == SKIPPED:
                    found[label][SKIPPED] += 1
                elif square.is_elsewhere:
                    found[label]["not asked: no scheduler ran in it"] += 1
                elif ending not in _SEVERITY:
                    found[label][record.result.reason or str(record.result.outcome)] += 1
    return {label: dict(counts.most_common()) for label, counts in found.items()}


def _cause_of(record: CellRecord) -> Mapping[str, Any]:
    cause = _fact(record, "cause")
    return cause if isinstance(cause, dict) else {}


def _fact(record: CellRecord, key: str) -> Any:
    facts = (each.value for each in record.observations if isinstance(each, Observed) and each.key == key)
    return next(facts, None)
