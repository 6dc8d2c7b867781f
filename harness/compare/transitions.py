"""Two runs → what changed from one to the other: conditions, outcomes, findings, answers and figures.

Cells are matched by identity: scenario, parameters and backends. Cells in one run only are new or gone, never better or
worse. Rounds of two runs share nothing that disturbed them, so figures are not paired: the bounds of a ratio come from
the intervals of both medians, each held to twice the confidence. What changed on the machine in between is part of it.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from harness.api import Exact
from harness.model import (
    MACHINE_FACTS,
    NOT_TRIED,
    CellSummary,
    Comparison,
    Finding,
    FindingKind,
    MetricSummary,
    Outcome,
    RowSummary,
    Run,
    SpeedVerdict,
)

from .findings import WEIGHT
from .intervals import CONFIDENCE, MARGIN, Interval, estimate_median, factor, judge_interval
from .values import value_text

_CONDITIONS = (*MACHINE_FACTS, "kernel", "python", "implementation", "compiler", "memory_bytes", "file_limit")
_OF_OTHERS = ("python", "implementation", "compiler", "harness", "error")
_REQUEST = ("preset", "seed", "rounds", "budget", "timeout", "perturb", "executor", "variants", "pairs", "saboteurs")


class Change(StrEnum):
    """Transition of something from the run before to the run after."""

    REGRESSED = "regressed"
    FIXED = "fixed"
    NEW = "new"
    """It was not run before, or is nothing to worry about."""
    GONE = "gone"
    """It was not run after, or was nothing to worry about."""
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class GateCause(StrEnum):
    """Transitions from before to after that are worse, or leave it open: those that a gate can fail on."""

    BUG = "bug"
    """A bug that is not listed."""
    KNOWN = "known"
    """A bug that is listed, and that the run before did not have."""
    OUTCOME = "outcome"
    """A cell that completed before and does not any more."""
    SLOWER = "slower"
    """A headline that is worse by more than the margin."""
    ANSWER = "answer"
    """Another answer, which need not be a worse one."""
    MISSING = "missing"
    """A row that only one of the two has."""


WORSE = (GateCause.BUG, GateCause.KNOWN, GateCause.OUTCOME, GateCause.SLOWER)
"""Transitions that are worse in any case."""


class ConditionChange(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the place or the request of the two runs that differs."""

    name: str
    before: str
    after: str


class OutcomeChange(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes of the cells of a row on a backend, worst first: `hung 1/6`."""

    row: str
    label: str
    change: Change
    before: str
    after: str
    cause: str = ""
    """Which of several upgraded things it is due to, if that is known."""


class FindingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A finding about one backend in one row."""

    change: Change
    kind: FindingKind
    scenario: str
    row: str
    label: str
    title: str
    key: str = ""
    known: str = ""
    """Why it is expected, if it is."""
    cause: str = ""
    """As that of an outcome."""


class AnswerChange(msgspec.Struct, frozen=True, kw_only=True):
    """The set of values that a key was seen to have, if it is graded or is to be the same everywhere."""

    row: str
    label: str
    key: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class FigureChange(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a backend in a row; `ratio` is after against before."""

    row: str
    label: str
    key: str
    is_headline: bool
    unit: str
    better: str
    before: float
    after: float
    rounds_before: int
    rounds_after: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: SpeedVerdict | None = None
    """Nothing where there are too few rounds for any."""
    cause: str = ""
    """As that of an outcome."""


class MissingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row on a backend that only one of the two runs has."""

    row: str
    label: str
    lacks: str
    """The run that does not have it."""


class RunChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that changed, and what did not."""

    before: str
    after: str
    conditions: tuple[ConditionChange, ...]
    obstacles: tuple[str, ...]
    """Why figures are not compared."""
    outcomes: tuple[OutcomeChange, ...]
    findings: tuple[FindingChange, ...]
    answers: tuple[AnswerChange, ...]
    figures: tuple[FigureChange, ...]
    missing: tuple[MissingRow, ...] = ()
    """Cells that were selected in one of the two and are missing in the other one."""
    incomplete: tuple[str, ...] = ()
    """Which of the two is incomplete, and why."""
    compared: int = 0
    """How many rows on a backend ran in both."""

    @property
    def slower(self) -> tuple[FigureChange, ...]:
        """Headlines that are worse by more than the margin."""
        return tuple(f for f in self.figures if f.is_headline and f.verdict is SpeedVerdict.SLOWER)

    @property
    def is_regression(self) -> bool:
        """Whether anything is worse than before."""
        return any(self.gate_causes[cause] for cause in WORSE)

    @property
    def faster(self) -> tuple[FigureChange, ...]:
        """Headlines that are better by more than the margin."""
        return tuple(f for f in self.figures if f.is_headline and f.verdict is SpeedVerdict.FASTER)

    @property
    def gate_causes(self) -> dict[GateCause, int]:
        """How often each cause occurs."""
        regressed = [finding for finding in self.findings if finding.change is Change.REGRESSED]
        return {
            GateCause.BUG: sum(not finding.known for finding in regressed),
            GateCause.KNOWN: sum(bool(finding.known) for finding in regressed),
            GateCause.OUTCOME: sum(outcome.change is Change.REGRESSED for outcome in self.outcomes),
            GateCause.SLOWER: len(self.slower),
            GateCause.ANSWER: len(self.answers),
            GateCause.MISSING: len(self.missing),
        }


Squares = Mapping[tuple[str, str], tuple[RowSummary, CellSummary]]
Side = tuple[Run, Comparison]


def compare_runs(before: Side, after: Side, *, across_machines: bool = False, margin: float = MARGIN) -> RunChanges:
    """Return what changed from one run to another.

    Args:
        before: a run and its results.
        after: the other one.
        across_machines: whether figures are compared although the machine is another one.
        margin: a factor of figures closer to one than this is no change.
    """
    old, new = _squares(before[1]), _squares(after[1])
    names = before[1].run_id, after[1].run_id
    exact = _exact_keys(before[0]) | _exact_keys(after[0])
    obstacles = tuple(_obstacles(before, after, across_machines=across_machines))
    both = [(old[place], new[place]) for place in old if place in new]
    return RunChanges(
        before=names[0],
        after=names[1],
        missing=tuple(_missing(old, new, names)),
        incomplete=tuple(f"{c.run_id}: {c.incomplete}" for _, c in (before, after) if c.incomplete),
        compared=sum(_is_tried(was) and _is_tried(now) for (_, was), (_, now) in both),
        conditions=tuple(_conditions(before[0], after[0])),
        obstacles=obstacles,
        outcomes=tuple(_outcomes(old, new)),
        findings=tuple(_findings(before[1], after[1], old, new)),
        answers=tuple(answer for (_, was), (row, now) in both for answer in _answers(row, was, now, exact)),
        figures=()
        if obstacles
        else tuple(figure for (_, was), (row, now) in both for figure in _figures(row, was, now, margin)),
    )


def _squares(comparison: Comparison) -> Squares:
    return {(str(row.row), cell.label): (row, cell) for row in comparison.rows for cell in row.cells}


def _is_tried(cell: CellSummary) -> bool:
    return cell.outcome not in NOT_TRIED


def _missing(old: Squares, new: Squares, names: tuple[str, str]) -> Iterator[MissingRow]:
    for row, label in dict.fromkeys((*old, *new)):
        lacking = [name for name, side in zip(names, (old, new), strict=True) if (row, label) not in side]
        if lacking:
            yield MissingRow(row=row, label=label, lacks=lacking[0])


def _exact_keys(run: Run) -> set[tuple[str, str]]:
    """Return the scenarios and keys whose values are to be the same everywhere."""
    return {
        (card.name, key)
        for card in run.started.scenarios
        for key, judge in card.judges.items()
        if isinstance(judge, Exact)
    }


# --- conditions ---


def _conditions(before: Run, after: Run) -> Iterator[ConditionChange]:
    old, new = _facts(before), _facts(after)
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name, "–"), new.get(name, "–")
        if was != now:
            yield ConditionChange(name=name, before=was, after=now)


def _facts(run: Run) -> dict[str, str]:
    """Return what identifies the place, the software and the request of a run."""
    environment = run.started.environment
    facts = {name: str(environment[name]) for name in _CONDITIONS if name in environment}
    versions: Any = environment.get("versions")
    if isinstance(versions, dict):
        facts |= {str(name): str(version) for name, version in versions.items()}
    for place, others in environment.get("environments", {}).items():
        stated = {name: others[name] for name in _OF_OTHERS if name in others} | others.get("versions", {})
        facts |= {f"{name}@{place}": str(fact) for name, fact in stated.items()}
    for record in run.records:
        places = {assigned.role: assigned.backend.place for assigned in record.cell.roles}
        for role in record.result.roles:
            if role.attestation is not None:
                at = f"@{place}" if (place := places.get(role.role)) else ""
                facts |= {f"{name}{at}": str(version) for name, version in role.attestation.versions.items()}
    return facts | {f"--{name}": str(getattr(run.started.request, name)) for name in _REQUEST}


def _obstacles(before: Side, after: Side, *, across_machines: bool) -> Iterator[str]:
    for name in MACHINE_FACTS:
        was, now = (side[0].started.environment.get(name) for side in (before, after))
        if was != now and not across_machines:
            yield f"another machine: {name} {was} and {now}"
    was, now = (side[0].started.request.perturb for side in (before, after))
    if was != now:
        yield f"perturbed differently: {', '.join(was) or 'not'} and {', '.join(now) or 'not'}"
    was_by, now_by = (side[0].started.request.executor for side in (before, after))
    if was_by != now_by:
        yield f"started differently: by executor {was_by} and {now_by}"
    for _, comparison in (before, after):
        if comparison.self_check is not None and comparison.self_check.failed:
            yield f"the self-check of {comparison.run_id} failed"


# --- outcomes ---


def _outcomes(old: Squares, new: Squares) -> Iterator[OutcomeChange]:
    for row, label in dict.fromkeys((*old, *new)):
        was, now = (side[row, label][1] if (row, label) in side else None for side in (old, new))
        yield OutcomeChange(
            row=row,
            label=label,
            change=_change_of(was.outcome if was else None, now.outcome if now else None),
            before=_outcome_text(was),
            after=_outcome_text(now),
        )


def _change_of(was: Outcome | None, now: Outcome | None) -> Change:
    had, has = (outcome is not None and outcome not in NOT_TRIED for outcome in (was, now))
    if not had or not has:
        return Change.GONE if had else Change.NEW if has else Change.UNCHANGED
    if was is now:
        return Change.UNCHANGED
    if Outcome.COMPLETED in (was, now):
        return Change.FIXED if now is Outcome.COMPLETED else Change.REGRESSED
    return Change.CHANGED


def _outcome_text(cell: CellSummary | None) -> str:
    if cell is None:
        return "–"
    rounds, affected = sum(cell.outcomes.values()), cell.outcomes.get(cell.outcome, 0)
    return str(cell.outcome) if affected == rounds else f"{cell.outcome} {affected}/{rounds}"


# --- findings ---

_Place = tuple[FindingKind, str, str, str, str]
"""Kind, row, backend, title, key."""


def _findings(before: Comparison, after: Comparison, old: Squares, new: Squares) -> Iterator[FindingChange]:
    was, now = _places(before.findings), _places(after.findings)
    for place in sorted(dict.fromkeys((*now, *was)), key=lambda place: WEIGHT[place[0]]):
        kind, row, label, title, key = place
        yield FindingChange(
            change=_finding_change(was.get(place), now.get(place), _ran(old, row, label), _ran(new, row, label)),
            kind=kind,
            scenario=(now.get(place) or was[place]).row.scenario,
            row=row,
            label=label,
            title=title,
            key=key,
            known=(now.get(place) or was[place]).known,
        )


def _places(findings: Iterable[Finding]) -> dict[_Place, Finding]:
    return {
        (finding.kind, str(finding.row), label, finding.title, finding.key): finding
        for finding in findings
        for label in finding.backends
    }


def _ran(squares: Squares, row: str, label: str) -> bool:
    square = squares.get((row, label))
    return square is not None and square[1].outcome not in NOT_TRIED


def _finding_change(was: Finding | None, now: Finding | None, ran_before: bool, ran_after: bool) -> Change:
    if was is not None and now is not None:
        return Change.UNCHANGED
    # A listed bug is no smaller for a user who moves to the version that has it.
    if now is not None:
        return Change.REGRESSED if now.kind.unexpected and ran_before else Change.NEW
    assert was is not None
    return Change.FIXED if was.kind.unexpected and ran_after else Change.GONE


# --- answers and figures ---


def _answers(
    row: RowSummary, was: CellSummary, now: CellSummary, exact: Container[tuple[str, str]]
) -> Iterator[AnswerChange]:
    had, has = (_answers_of(row, cell, exact) for cell in (was, now))
    for key in had.keys() & has.keys():
        before, after = had[key], has[key]
        if before != after:
            yield AnswerChange(row=str(row.row), label=now.label, key=key, before=before, after=after)


def _answers_of(row: RowSummary, cell: CellSummary, exact: Container[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    seen = {key: value for key, value in cell.values.items() if (row.row.scenario, key) in exact}
    texts = {key: sorted(map(value_text, value if isinstance(value, list) else [value])) for key, value in seen.items()}
    return {key: tuple(values) for key, values in (texts | {k: sorted(f) for k, f in cell.frequencies.items()}).items()}


def _figures(row: RowSummary, was: CellSummary, now: CellSummary, margin: float) -> Iterator[FigureChange]:
    for key, metric in now.metrics.items():
        if (base := was.metrics.get(key)) is None:
            continue
        change = FigureChange(
            row=str(row.row),
            label=now.label,
            key=key,
            is_headline=key == row.headline,
            unit=metric.unit,
            better=metric.better,
            before=base.median,
            after=metric.median,
            rounds_before=len(base.values),
            rounds_after=len(metric.values),
            ratio=factor(math.log(metric.median) - math.log(base.median))
            if min(base.median, metric.median) > 0
            else None,
        )
        interval = ratio_interval(base, metric)
        if interval is not None:
            higher = metric.better == "higher"
            change = msgspec.structs.replace(
                change,
                low=factor(interval.low),
                high=factor(interval.high),
                verdict=judge_interval(interval, needed=CONFIDENCE, higher_is_better=higher, margin=margin),
            )
        yield change


def ratio_interval(base: MetricSummary, metric: MetricSummary) -> Interval | None:
    """Return the interval of log(metric / base) of runs that share no rounds, or nothing if there are too few.

    If each median lies within its own interval with 97.5 %, both do with at least 95 %, and then so does the
    difference within the sum. It needs seven rounds of each, and is wider than one of pairs would be.
    """
    if min(*base.values, *metric.values) <= 0:
        return None
    confidence = 1 - (1 - CONFIDENCE) / 2
    was, now = (estimate_median([math.log(value) for value in m.values], confidence) for m in (base, metric))
    if was is None or now is None:
        return None
    return Interval(now.median - was.median, now.low - was.high, now.high - was.low, CONFIDENCE)
