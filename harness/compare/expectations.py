"""Known differences: which findings are expected, and which expectations no longer hold.

An expectation is matched against the facts of a backend in a row. Findings that it covers are kept and marked as
known; a finding about several backends is split into the known part and the rest. One that must occur and does not
is stale, which is a finding of its own.

Variants of a backend, and backends derived from it, inherit its expectations: the differences are known there too, but
need not occur. Behaviour of the baseline in the same run is known of them as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from harness.model import PLANTED, Expectation, Finding, FindingKind, Run, make_command

from .findings import ENDINGS, EVERY_BACKEND, Judgement, make_judgement
from .lineage import Lineage, matches, spec_of
from .rows import CellFacts, Row
from .values import outcome_text, value_text

_NOT_COVERED = (FindingKind.HARNESS_FAULT, FindingKind.INVALID_ENV, FindingKind.WRONG_BACKEND, FindingKind.UNAVAILABLE)
_WHAT_TO_DO = "if it was fixed, remove the expectation or limit it to the versions in which it holds (when)"


def _date_of(run: Run) -> dt.date | None:
    """Return the day on which a run began; nothing where its journal has no date there."""
    try:
        return dt.date.fromisoformat(run.started.started_at[:10])
    except ValueError:
        return None


class Expected:
    """The expectations of a run, ready to be held against its rows."""

    def __init__(self, run: Run, baseline: str = "") -> None:
        self._baseline = baseline
        self._lineage = Lineage(run.started.backends)
        self._environment = run.started.environment
        today = _date_of(run)
        self._current = [e for e in run.started.expectations if e.expires is None or today is None or today < e.expires]
        # A backend that is broken on purpose and was named by the user is judged like any other.
        is_planted = run.started.request.saboteurs
        self._planted = {card.label for card in run.started.backends if card.planted and is_planted}
        self._caught: set[tuple[str, str]] = set()
        self._planted_in: dict[tuple[str, str], tuple[Row, CellFacts]] = {}
        self._occurred: set[tuple[int, str]] = set()
        self._missed: dict[tuple[int, str], tuple[Row, CellFacts]] = {}

    def apply(self, row: Row, judgements: Iterable[Judgement]) -> list[Judgement]:
        """Return the judgements of a row with the known ones marked, and note which expectations occur."""
        marked = [part for judgement in judgements for part in self._split(row, judgement)]
        self._note_planted(row, marked)
        for number, expectation in enumerate(self._current):
            for label, cells in self._asked(expectation, row):
                if _occurs(expectation, label, cells, marked):
                    self._occurred.add((number, label))
                else:
                    self._missed.setdefault((number, label), (row, cells[0]))
        return marked

    def listed(self, label: str, cell: CellFacts) -> Iterator[tuple[Expectation, str]]:
        """Yield the expectations that hold for a backend, or for an idiom of it, and the column that each is about."""
        for expectation in self._current:
            if self._concerns(expectation, label, [cell]):
                yield expectation, label
            for pattern in expectation.backends:
                is_idiom = pattern.startswith(f"{label}:") and "*" not in pattern
                if is_idiom and _holds(expectation.when, self._environment, cell):
                    yield expectation, pattern

    def missed(self) -> Iterator[Judgement]:
        """Yield a finding for each planted fault that no row of a scenario caught."""
        for (scenario, label), (row, cell) in self._planted_in.items():
            if (scenario, label) not in self._caught:
                yield make_judgement(
                    row,
                    FindingKind.MISSED,
                    [cell],
                    "a planted fault is not caught",
                    expected="a finding that names it",
                    reason="the fault breaks the contract of this scenario",
                )

    def stale(self) -> Iterator[Judgement]:
        """Yield a finding for each expectation that was asked for and did not occur in any row."""
        for (number, label), (row, cell) in self._missed.items():
            expectation = self._current[number]
            if (number, label) not in self._occurred and not expectation.sometimes:
                yield make_judgement(
                    row,
                    FindingKind.STALE_EXPECTATION,
                    [cell],
                    f"an expected difference is gone: {expectation.value or expectation.key or 'a finding'}",
                    key=expectation.key,
                    expected=expectation.text,
                    reason=expectation.reason,
                    reference=expectation.reference,
                    details=(f"expected by {expectation.source or 'an unnamed source'}", _WHAT_TO_DO),
                )

    def _split(self, row: Row, judgement: Judgement) -> Iterator[Judgement]:
        if judgement.finding.kind in _NOT_COVERED:
            yield judgement
            return
        charged = _charged(judgement)
        # A known difference of one backend is its own: it acquits no other one, and has no bearing on the scenario.
        if any(self._covering(row, charged.finding, label) for label in judgement.finding.backends):
            judgement = charged
        reasons = {label: self._why_known(row, judgement.finding, label) for label in judgement.finding.backends}
        known: dict[str, list[str]] = {}
        for label, reason in reasons.items():
            known.setdefault(reason, []).append(label)
        for why, labels in known.items():
            yield _narrowed(row, judgement, labels, why) if len(known) > 1 else _marked(judgement, why)

    def _note_planted(self, row: Row, judgements: Sequence[Judgement]) -> None:
        for square in row.squares:
            if square.label in self._planted:
                fault = (row.id.scenario, square.label)
                self._planted_in.setdefault(fault, (row, square.cells[0]))
                # Behaviour that the healthy backend shares is no sign of the fault.
                own = (judgement.finding for judgement in judgements if judgement.finding.known == PLANTED)
                if any(square.label in finding.backends for finding in own):
                    self._caught.add(fault)

    def _why_known(self, row: Row, finding: Finding, label: str) -> str:
        expectation = self._covering(row, finding, label)
        if expectation is not None:
            return describe_reason(expectation)
        if self._is_inherited(row, finding, label):
            return f"{self._baseline} does the same"
        return PLANTED if label in self._planted else ""

    def _is_inherited(self, row: Row, finding: Finding, label: str) -> bool:
        """Return whether the baseline, from which the backend is derived, shows the same behaviour as the finding."""
        if not finding.kind.unexpected or finding.kind is FindingKind.SUSPECT_SCENARIO:
            return False
        base = spec_of([cell for cell in row.cells if cell.label == self._baseline])
        own = spec_of([cell for cell in row.cells if cell.label == label])
        if self._baseline not in finding.backends or not self._lineage.is_derived(own, base):
            return False
        return _subjects(finding, label) <= _subjects(finding, self._baseline)

    def _covering(self, row: Row, finding: Finding, label: str) -> Expectation | None:
        cells = [cell for cell in row.cells if cell.label == label]
        return next(
            (
                expectation
                for expectation in self._current
                if _is_about(expectation, row)
                and self._concerns(expectation, label, cells, inherited=True)
                and _covers(expectation, finding, label)
            ),
            None,
        )

    def _asked(self, expectation: Expectation, row: Row) -> Iterator[tuple[str, list[CellFacts]]]:
        """Yield the backends of a row on which the expectation has to occur, with their cells."""
        if not _is_about(expectation, row):
            return
        for square in row.squares:
            # A cell that was cut off may not have come to a key that it did not observe.
            cells = [cell for cell in square.cells if (cell.completed if expectation.key else cell.ran)]
            if cells and self._concerns(expectation, square.label, cells):
                yield square.label, cells

    def _concerns(
        self, expectation: Expectation, label: str, cells: Sequence[CellFacts], *, inherited: bool = False
    ) -> bool:
        """Return whether an expectation holds for a column: one that it names or, if that counts, one that inherits."""
        names, spec = _names(label, cells), spec_of(cells)
        if _are_named(names, expectation.excluding) or self._lineage.includes(expectation.excluding, spec):
            return False
        if not _are_named(names, expectation.backends) and not (
            inherited and self._lineage.includes(expectation.backends, spec)
        ):
            return False
        return any(_holds(expectation.when, self._environment, cell) for cell in cells)


def _is_about(expectation: Expectation, row: Row) -> bool:
    parameters = dict(row.id.parameters)
    return matches(row.id.scenario, expectation.scenario) and all(
        parameters.get(name) == value for name, value in expectation.parameters.items()
    )


def _names(label: str, cells: Sequence[CellFacts]) -> set[str]:
    """Return the names by which an expectation may call the backend: its column, or its name in any environment."""
    return {label, *(cell.cell.label_anywhere for cell in cells)}


def _are_named(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(matches(name, pattern) for pattern in patterns for name in names)


def _charged(judgement: Judgement) -> Judgement:
    """Return a judgement that doubts its scenario as one that is about the backends."""
    if judgement.otherwise is None:
        return judgement
    finding = judgement.finding
    details = tuple(line for line in finding.details if not line.startswith(EVERY_BACKEND))
    reason = "" if finding.reason.startswith(EVERY_BACKEND) else finding.reason
    charged = msgspec.structs.replace(finding, kind=judgement.otherwise, details=details, reason=reason)
    return replace(judgement, finding=charged)


def _covers(expectation: Expectation, finding: Finding, label: str) -> bool:
    if expectation.finding is not None:
        if finding.kind is not expectation.finding:
            return False
    elif not expectation.key and finding.kind not in ENDINGS:
        return False
    if expectation.key and finding.key != expectation.key:
        return False
    return not expectation.value or expectation.value in _subjects(finding, label)


def _subjects(finding: Finding, label: str) -> set[str]:
    """Return the values of a backend that a finding is about."""
    seen = {group.value for group in finding.groups if label in group.backends}
    return seen & set(finding.values) if finding.values else seen


def _occurs(expectation: Expectation, label: str, cells: Sequence[CellFacts], judgements: Iterable[Judgement]) -> bool:
    # Facts first: whether there is a finding depends on which other backends were run beside this one.
    is_about_facts = expectation.value and expectation.finding is None
    if is_about_facts and any(expectation.value in _facts(cell, expectation.key) for cell in cells):
        return True
    return any(
        label in judgement.finding.backends and _covers(expectation, judgement.finding, label)
        for judgement in judgements
    )


def _facts(cell: CellFacts, key: str) -> set[str]:
    if not key:
        return {str(cell.outcome)}
    return {text(value) for value in cell.values(key) for text in (outcome_text, value_text)}


def _marked(judgement: Judgement, why: str) -> Judgement:
    if not why:
        return judgement
    return replace(judgement, finding=msgspec.structs.replace(judgement.finding, known=why))


def _narrowed(row: Row, judgement: Judgement, labels: Sequence[str], why: str) -> Judgement:
    """Return the part of a judgement that is about some of its backends."""
    cells = [cell for cell in row.cells if cell.id in judgement.cells and cell.label in labels]
    first = cells[0] if cells else None
    finding = msgspec.structs.replace(
        judgement.finding,
        backends=tuple(labels),
        known=why,
        command=make_command(first.cell, row.request, row.seed) if first else judgement.finding.command,
        evidence=next((cell.result.evidence for cell in cells if cell.result.evidence), ""),
    )
    return replace(judgement, finding=finding, cells=frozenset(cell.id for cell in cells))


def describe_reason(expectation: Expectation) -> str:
    """Return why a difference is known, with the reference."""
    reference = f" ({expectation.reference})" if expectation.reference else ""
    return f"{expectation.reason}{reference}"


def _holds(conditions: Mapping[str, str], environment: Mapping[str, Any], cell: CellFacts) -> bool:
    return all(_holds_one(name, condition, environment, cell) for name, condition in conditions.items())


def _holds_one(name: str, condition: str, environment: Mapping[str, Any], cell: CellFacts) -> bool:
    if name == "system":
        return str(environment.get("system", "")).lower() == condition.lower()
    return any(_is_in(version, condition) for version in _versions(name, environment, cell))


def _versions(name: str, environment: Mapping[str, Any], cell: CellFacts) -> Iterator[str]:
    if name == "cores":
        yield str(environment.get("usable_cores", ""))
        return
    attested = [role.attestation for role in cell.roles if role.attestation is not None]
    if name == "python":
        yield from (attestation.python for attestation in attested)
    yield from (attestation.versions[name] for attestation in attested if name in attestation.versions)
    if not attested:
        yield from _stated_versions(name, environment, cell)


def _stated_versions(name: str, environment: Mapping[str, Any], cell: CellFacts) -> Iterator[str]:
    """Yield the self-descriptions, made when the run was planned, of the other environments of a cell."""
    others = environment.get("environments", {})
    for place in {assigned.backend.place for assigned in cell.cell.roles}:
        facts = others.get(place, {})
        stated = facts.get("versions", {}) | {"python": facts.get("python")}
        yield from (str(version) for version in (stated.get(name),) if version)


@lru_cache(maxsize=4096)
def _is_in(version: str, condition: str) -> bool:
    try:
        return SpecifierSet(condition, prereleases=True).contains(version)
    except (InvalidSpecifier, InvalidVersion):
        return False
