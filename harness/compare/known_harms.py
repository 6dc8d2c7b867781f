"""Harms that are listed for a backend, whether or not a run shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.api import Harm, Scenario
from harness.model import Expectation, FindingKind, Outcome, Run, ScenarioCard

from .expectations import Expected, describe_reason
from .lineage import matches
from .rows import CellFacts, all_records, group_rows, order_labels

HARM_OF_KIND = {FindingKind.HANG: Harm.HANG, FindingKind.CRASH: Harm.CRASH, FindingKind.LEFTOVER: Harm.LEAK}
_HARM_OF_OUTCOME = {str(Outcome.HUNG): Harm.HANG, str(Outcome.CRASHED): Harm.CRASH}

Subject = Scenario | ScenarioCard
"""The topics of a scenario, and the judges of its answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHarm:
    """A harm that an expectation lists for a column."""

    scenario: str
    label: str
    harm: Harm
    text: str
    """The expected value, or the key that is expected to break its contract."""
    why: str
    """Reason and reference."""


class KnownHarms:
    """The expectations of a run, asked for the harm that they list.

    Args:
        run: with the expectations; its cells have the versions on which conditions depend.
        subjects: the scenarios of interest, by name.
    """

    def __init__(self, run: Run, subjects: Mapping[str, Subject]) -> None:
        self._expected, self._subjects = Expected(run), subjects
        self._cells: dict[str, CellFacts] = {}
        records = all_records(run)
        for row in group_rows(run, records, order_labels(run, records)):
            for cell in row.ran:
                self._cells.setdefault(cell.label, cell)

    def of(self, label: str) -> Iterator[KnownHarm]:
        """Yield the harms that are listed for a backend and for its idioms, in the versions that the run had."""
        if label not in self._cells:
            return
        for expectation, column in self._expected.listed(label, self._cells[label]):
            for name, subject in self._subjects.items():
                if matches(name, expectation.scenario):
                    yield KnownHarm(
                        scenario=name,
                        label=column,
                        harm=_harm_of(expectation, subject),
                        text=expectation.value or expectation.key or str(expectation.finding or "a finding"),
                        why=describe_reason(expectation),
                    )


def _harm_of(expectation: Expectation, subject: Subject) -> Harm:
    if expectation.finding in HARM_OF_KIND:
        return HARM_OF_KIND[expectation.finding]
    if not expectation.key:
        return _HARM_OF_OUTCOME.get(expectation.value, Harm.ANSWER)
    judge = subject.judges.get(expectation.key)
    return judge.harm_of(expectation.value) if judge else Harm.ANSWER
