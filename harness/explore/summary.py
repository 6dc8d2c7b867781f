"""Findings of a run of explorations, from its journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness import model
from harness.model import CellRecord, Observed, Run, make_file_name

from .confirm import EXCLUDED, STOCK
from .scenarios import PREFIX

_COUNTS = ("programs", "runs", "distinct final states", "failing programs", "excluded programs", "differing programs")


@dataclass(slots=True)
class Tally:
    """Totals of the batches of one family on one backend."""

    counts: Counter[str] = field(default_factory=Counter)
    clauses: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A clause that programs of a family break on a backend, with the smallest of them."""

    backend: str
    family: str
    clause: str
    count: int
    """Programs that broke it."""
    smallest: Mapping[str, Any]
    """As a batch observed it."""
    known: str = ""
    """Reason and reference of the known difference that covers it."""

    @property
    def excluded(self) -> bool:
        """Whether it needs an order of steps that the runtime excludes, so that it is no defect."""
        return bool(self.smallest["label"] == EXCLUDED)

    @property
    def file_name(self) -> str:
        """Name of its script in the folder of the run."""
        return f"{make_file_name(f'{self.backend}-{self.family}-{self.clause}').replace(' ', '-')}.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A whole exploration."""

    backends: tuple[str, ...]
    families: tuple[str, ...]
    tallies: Mapping[tuple[str, str], Tally]
    """By backend and family."""
    findings: tuple[Finding, ...]
    """Those that are not known come first."""
    differences: Mapping[tuple[str, str], Mapping[str, Any]]
    """The smallest program of each backend and family whose final states differ from another runtime's."""

    def total(self, count: str) -> int:
        """Return what all batches add up to."""
        return sum(tally.counts[count] for tally in self.tallies.values())


def summarise(run: Run, known: Iterable[model.Finding] = ()) -> Summary:
    """Return the findings of a run, with the reasons of the known ones; cells that are no exploration are left out."""
    reasons = {
        (label, each.row.scenario.removeprefix(PREFIX), each.key): each.known
        for each in known
        for label in each.backends
    }
    tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
    smallest: dict[tuple[str, str, str], Any] = {}
    for record in run.records:
        if record.cell.scenario.startswith(PREFIX):
            key = (record.cell.label, record.cell.scenario.removeprefix(PREFIX))
            _count(record, tallies[key])
            for failure in _failures(record):
                place = (*key, failure["clause"])
                if place not in smallest or _rank(failure) < _rank(smallest[place]):
                    smallest[place] = failure
    findings = (
        Finding(
            backend=b,
            family=f,
            clause=c,
            count=tallies[b, f].clauses[c],
            smallest=failure,
            known=reasons.get((b, f, c), ""),
        )
        for (b, f, c), failure in smallest.items()
    )
    return Summary(
        backends=tuple(dict.fromkeys(backend for backend, _ in sorted(tallies))),
        families=tuple(name for name in _families(run) if any(family == name for _, family in tallies)),
        tallies=tallies,
        differences=_differences(run),
        findings=tuple(sorted(findings, key=lambda each: (bool(each.known), each.backend, each.family, -each.count))),
    )


def _differences(run: Run) -> dict[tuple[str, str], Mapping[str, Any]]:
    smallest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for record in run.records:
        key = (record.cell.label, record.cell.scenario.removeprefix(PREFIX))
        for each in record.observations:
            if isinstance(each, Observed) and each.key == "difference":
                before = smallest.get(key)
                if before is None or each.value["operations"] < before["operations"]:
                    smallest[key] = each.value
    return dict(sorted(smallest.items()))


def _families(run: Run) -> Iterator[str]:
    yield from (name.removeprefix(PREFIX) for name in run.started.plan.scenarios)


def _rank(failure: Mapping[str, Any]) -> tuple[bool, bool, int]:
    """Order failures: those with a script that fails, those that fail on the stock scheduler, the smaller ones."""
    return (not failure["script_fails"], failure["label"] != STOCK, failure["operations"])


def _failures(record: CellRecord) -> Iterator[Mapping[str, Any]]:
    for each in record.observations:
        if isinstance(each, Observed) and each.key == "failure":
            yield each.value


def _count(record: CellRecord, tally: Tally) -> None:
    tally.outcomes[record.result.outcome.value] += 1
    for each in record.observations:
        if isinstance(each, Observed) and isinstance(each.value, int):
            if each.key in _COUNTS:
                tally.counts[each.key] += each.value
            elif each.value:
                tally.clauses[each.key] += each.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Whether a fault was found by the programs of a family."""

    fault: str
    family: str
    found: bool
    how: str
    """Failed programs on the broken and on the healthy backend, and the clauses that they broke."""


def score(run: Run, specs: Mapping[str, str]) -> list[Score]:
    """Return which faults were found: more programs fail than on the healthy backend, or others.

    Args:
        run: of backends that are broken on purpose, each beside the healthy one.
        specs: by fault, the backend that has it.
    """
    summary = summarise(run)
    faults = {spec: name for name, spec in specs.items()}
    scores = []
    for (backend, family), tally in sorted(summary.tallies.items(), key=lambda item: (item[0][1], item[0][0])):
        if backend in faults:
            healthy = summary.tallies.get((_control_of(run, backend), family), Tally())
            found = tally.clauses != healthy.clauses or tally.outcomes != healthy.outcomes
            broken = ", ".join(f"{count} {clause}" for clause, count in (tally.clauses - healthy.clauses).items())
            broken = broken or ", ".join(tally.outcomes - healthy.outcomes) or "nothing more"
            scores.append(Score(fault=faults[backend], family=family, found=found, how=broken))
    return scores


def _control_of(run: Run, label: str) -> str:
    return next((base for card in run.started.backends if card.label == label for base in card.derives_from), "")
