"""Sentences that the data of a run gives: what most readers look for, each with the search that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.api import Harm
from harness.model import CellSummary, Comparison, FindingKind, RowSummary, Run
from harness_reports.backend_summary import (
    BackendSummary,
    Standing,
    backends_of,
    count_rows,
    stand,
    summarise_backends,
)
from harness_reports.figures import format_count
from harness_reports.grid import places_of_variants
from harness_reports.safe_text import clean
from harness_reports.squares import best_labels

HURTS = (Harm.DATA, Harm.HANG, Harm.SERVER, Harm.CRASH, Harm.LEAK)
"""Harms that cost more than a wrong answer."""
_DIFFERING = (Standing.BUG, Standing.DIFFERENCE, Standing.KNOWN, Standing.BY_DESIGN)
_MOST_NAMES = 3
_WORDS = {
    Harm.DATA: ("data", "loses or mixes data"),
    Harm.HANG: ("hang", "hangs"),
    Harm.SERVER: ("hurt", "loses its server"),
    Harm.CRASH: ("crash", "crashes"),
    Harm.LEAK: ("leak", "leaves something behind"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence, and the search that lists its rows; empty for none."""

    text: str
    query: str = ""


class RunSentences:
    """What a run says about its backends.

    Args:
        run: the run.
        comparison: its judgement.
    """

    def __init__(self, run: Run, comparison: Comparison) -> None:
        self._comparison = comparison
        self._variants = {label: column for label, (column, _) in places_of_variants(run.started.plan).items()}
        self._backends = summarise_backends(run, comparison)

    def first_screen(self) -> list[Sentence]:
        """Return the sentences of the first screen."""
        return [*self._differences(), *self._hangs(), *self._best(), *self._missing()]

    def about(self, label: str) -> list[Sentence]:
        """Return what to know before a backend is used: the worst first."""
        found = next((line for line in self._backends if line.label == label), None)
        return [] if found is None else [*self._harms(label), *self._counts(found), *self._cost(found)]

    def _differences(self) -> Iterator[Sentence]:
        reference = self._comparison.reference
        others = [line.label for line in self._backends if line.label != reference]
        differing = {label: self._answered_differently(reference, label) for label in others}
        for label, rows in sorted(differing.items(), key=lambda item: len(item[1]))[:2]:
            if not rows:
                continue
            hurting = [row for row in rows if self._harms_of(row, label)]
            text = f"{clean(label)} differs from {clean(reference)} in {format_count(len(rows), 'answer')}"
            if hurting:
                text += f"; {len(hurting)} can hurt: {_name(hurting)}"
            yield Sentence(text=text, query=f"{clean(reference)} against {clean(label)}")

    def _answered_differently(self, first: str, second: str) -> list[RowSummary]:
        return [row for row in self._comparison.rows if _differ(row, first, second)]

    def _hangs(self) -> Iterator[Sentence]:
        counts = {line.label: line.hangs + line.known_hangs + line.design_hangs for line in self._backends}
        hanging = {label: count for label, count in counts.items() if count}
        free = [clean(label) for label, count in counts.items() if not count]
        if hanging:
            text = f"rows that hang: {', '.join(f'{clean(label)} {count}' for label, count in hanging.items())}"
            text += f"; nothing hangs on {', '.join(free)}" if free else ""
            yield Sentence(text=text, query="hang")
        elif counts:
            yield Sentence(text="nothing hangs on any backend")

    def _best(self) -> Iterator[Sentence]:
        best = [best_labels(row) for row in self._comparison.rows]
        ranked = [labels for labels in best if labels]
        counts = Counter(label for labels in ranked for label in labels)
        if counts:
            named = ", ".join(f"{clean(label)} {count}" for label, count in counts.most_common(4))
            yield Sentence(text=f"best figure of {format_count(len(ranked), 'row')}: {named}", query="fastest")

    def _missing(self) -> Iterator[Sentence]:
        for standing in (Standing.NOT_MEASURED, Standing.NOT_FINISHED):
            if count := count_rows(self._comparison, standing):
                yield Sentence(text=f"{format_count(count, 'row')} {standing}", query=standing.value)

    def _harms(self, label: str) -> Iterator[Sentence]:
        for harm, (word, text) in _WORDS.items():
            rows = [row for row in self._comparison.rows if harm in self._harms_of(row, label)]
            if rows:
                yield Sentence(
                    text=f"{text} in {format_count(len(rows), 'row')}: {_name(rows)}", query=f"{clean(label)} {word}"
                )

    def _harms_of(self, row: RowSummary, label: str) -> set[Harm]:
        cells = [cell for cell in row.cells if label in backends_of(cell, self._variants)]
        return harms_of(cells).intersection(HURTS) if cells and stand(cells) in _DIFFERING else set()

    def _counts(self, line: BackendSummary) -> Iterator[Sentence]:
        words = {
            Standing.BUG: "bugs that are not listed",
            Standing.DIFFERENCE: "differences that are not listed",
            Standing.KNOWN: "known differences",
            Standing.BY_DESIGN: "answers that differ by design",
            Standing.NOT_MEASURED: "rows not measured",
            Standing.NOT_RUN: "rows not run",
        }
        queries = {Standing.BUG: "bug", Standing.DIFFERENCE: "bug", Standing.BY_DESIGN: "design"}
        for standing, text in words.items():
            if count := line.count(standing):
                query = queries.get(standing, standing.value)
                yield Sentence(text=f"{text}: {count}", query=f"{clean(line.label)} {query}")

    def _cost(self, line: BackendSummary) -> Iterator[Sentence]:
        if line.overall is not None:
            rows = format_count(line.overall.rows, "row")
            text = f"cost over {rows}: {line.cost_text} of {clean(self._comparison.reference)}'s"
            yield Sentence(text=text, query=f"{clean(line.label)} figures")


def harms_of(cells: Iterable[CellSummary]) -> set[Harm]:
    """Return what squares cost a program: by their answers, and by the kinds of their findings."""
    found: set[Harm] = set()
    for cell in cells:
        kinds: Sequence[FindingKind] = (*cell.findings, *cell.known)
        found.update(cell.harms)
        found.update(harm for kind, harm in _OF_KINDS.items() if kind in kinds)
    return found


_OF_KINDS: Mapping[FindingKind, Harm] = {
    FindingKind.HANG: Harm.HANG,
    FindingKind.CRASH: Harm.CRASH,
    FindingKind.LEFTOVER: Harm.LEAK,
}


def _differ(row: RowSummary, first: str, second: str) -> bool:
    """Return whether two backends give different answers to a question, or end differently."""
    cells = {cell.label: cell for cell in row.cells}
    here, there = cells.get(first), cells.get(second)
    if here is None or there is None or here.headline is not None or there.headline is not None:
        return False
    return _answer(here, row) != _answer(there, row)


def _answer(cell: CellSummary, row: RowSummary) -> tuple[str, tuple[str, ...]]:
    return str(cell.outcome), tuple(cell.frequencies.get(row.headline, ()))


def _name(rows: Sequence[RowSummary]) -> str:
    names = list(dict.fromkeys(clean(row.row.scenario) for row in rows))
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
