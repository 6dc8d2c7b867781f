"""Advice from a stored run on each backend for a program that uses certain features: no-go's, surprises, figures.

Nothing is ranked that was not measured: a ratio without an interval is shown and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from harness.api import Harm
from harness.model import (
    CellSummary,
    Comparison,
    Expectation,
    Finding,
    FindingKind,
    RowSummary,
    Run,
    SpeedVerdict,
)

from .known_harms import HARM_OF_KIND, KnownHarms, Subject

NO_GO = (Harm.DATA, Harm.HANG, Harm.SERVER, Harm.CRASH, Harm.LEAK)
"""Harms that a program cannot live with."""
_ORDER = {harm: place for place, harm in enumerate(Harm)}
RATE = "rate"
"""Name of the parameter that is a rate of operations."""


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """A behaviour of a backend in a row that is about a feature in use."""

    row: str
    label: str
    """The column: the backend, or one of its idioms."""
    harm: Harm
    text: str
    """The answer or the outcome."""
    known: str = ""
    """Why it is listed; empty for a bug that is not."""
    is_seen: bool = True
    """Whether the run shows it; else it is listed for the versions of the run."""


class MeasuredRow(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a backend in a row that is about a feature in use."""

    row: str
    headline: str
    median: float
    unit: str
    ratio: float | None = None
    """To the reference."""
    low: float | None = None
    high: float | None = None
    verdict: SpeedVerdict | None = None
    """Nothing without an interval: such a figure ranks nothing."""


class BackendAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """A backend for a program with these features."""

    label: str
    no_gos: tuple[Behaviour, ...]
    """The worst first."""
    differences: tuple[Behaviour, ...]
    """Other differences, listed or not."""
    by_design: tuple[Behaviour, ...]
    """Answers that the contract leaves open and others give differently."""
    absent: tuple[str, ...]
    """Rows that it cannot run, with the reason."""
    figures: tuple[MeasuredRow, ...]
    not_measured: tuple[str, ...]
    """Rows whose figure is withheld, with the reason."""
    headroom: float | None = None
    """The largest rate at which a row of the features kept its contract and has a figure; nothing if none was run."""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The backends of a run for a program with these features."""

    rows: int
    unknown: tuple[str, ...]
    """Features that no row of the run is about."""
    backends: tuple[BackendAdvice, ...]


def advise(
    run: Run,
    comparison: Comparison,
    uses: Sequence[str],
    subjects: Mapping[str, Subject] = MappingProxyType({}),
    listed: Sequence[Expectation] = (),
) -> Advice:
    """Return the advice of a run on its backends for a program.

    Args:
        run: the run.
        comparison: its judgement.
        uses: features, in the words of a user.
        subjects: scenarios that are installed, beside those of the run.
        listed: expectations that are installed; those of the run have marked its findings.
    """
    subjects = {**{card.name: card for card in run.started.scenarios}, **subjects}
    topics = {name: subject.topics for name, subject in subjects.items()}
    about = {name: each for name, each in subjects.items() if any(is_about(name, use, topics) for use in uses)}
    listing = replace(run, started=replace(run.started, expectations=tuple(listed)))
    harms = KnownHarms(listing, about)
    meant = {use: [row for row in comparison.rows if is_about(row.row.scenario, use, topics)] for use in uses}
    rows = [row for row in comparison.rows if any(row in found for found in meant.values())]
    labels = [card.label for card in run.started.backends if str(card.label) not in _variants_of(run)]
    return Advice(
        rows=len(rows),
        unknown=tuple(use for use, found in meant.items() if not found),
        backends=tuple(_advise_on(label, rows, comparison, _own(run, label), harms) for label in labels),
    )


def is_about(scenario: str, use: str, topics: Mapping[str, Sequence[str]]) -> bool:
    """Return whether a scenario is about a feature: by its area, its name, or a word that it declares."""
    area = scenario.partition(".")[0]
    return _stem(use) in {_stem(word) for word in (scenario, area, *topics.get(scenario, ()))}


def _stem(word: str) -> str:
    return word.lower().replace("-", "").replace(" ", "").replace("_", "").removesuffix("s")


def _variants_of(run: Run) -> set[str]:
    return {str(spec) for spec in run.started.plan.variants}


def _own(run: Run, label: str) -> frozenset[str]:
    """Return the columns of a backend: its own, and those of the idioms that were run beside it."""
    name = label.partition(":")[0]
    return frozenset({label, *(variant for variant in _variants_of(run) if variant.partition(":")[0] == name)})


def _advise_on(
    label: str, rows: Sequence[RowSummary], comparison: Comparison, own: frozenset[str], harms: KnownHarms
) -> BackendAdvice:
    squares = [(row, cell) for row in rows for cell in row.cells if cell.label in own]
    listed = [behaviour for row, cell in squares for behaviour in _listed(row, cell, comparison)]
    found = list(_with_known(listed, harms, own))
    no_gos = sorted((each for each in found if each.harm in NO_GO), key=lambda each: _ORDER[each.harm])
    plain = [(row, cell) for row, cell in squares if cell.label == label]
    return BackendAdvice(
        label=label,
        no_gos=tuple(no_gos),
        differences=tuple(each for each in found if each.is_seen and each.harm not in NO_GO),
        by_design=tuple(
            Behaviour(row=str(row.row), label=cell.label, harm=_worst(cell), text=_answer(cell, row))
            for row, cell in squares
            if FindingKind.INTERESTING in cell.findings and not cell.known and not cell.is_unexpected
        ),
        absent=tuple(f"{row.row}: {cell.reason}" for row, cell in plain if cell.outcome.value == "unsupported"),
        figures=tuple(figure for row, cell in plain for figure in _figure(row, cell)),
        not_measured=tuple(f"{row.row}: {cell.reason}" for row, cell in plain if cell.withheld),
        headroom=_headroom(plain),
    )


def _listed(row: RowSummary, cell: CellSummary, comparison: Comparison) -> Iterator[Behaviour]:
    """Yield the behaviours of a square that are bugs or differences, listed or not."""
    for finding in comparison.findings:
        if finding.row == row.row and cell.label in finding.backends and finding.kind.unexpected:
            yield Behaviour(
                row=str(row.row),
                label=cell.label,
                harm=HARM_OF_KIND.get(finding.kind, _worst(cell)),
                text=_text_of(finding, cell, row),
                known=finding.known,
            )


def _with_known(seen: Sequence[Behaviour], harms: KnownHarms, own: Iterable[str]) -> Iterator[Behaviour]:
    """Yield the behaviours of a run with the harm that is listed for them, then those that are listed and not seen.

    Scenarios that show one known behaviour are named together.
    """
    known = dict.fromkeys(each for label in sorted(own) for each in harms.of(label))
    harm_of = {(each.scenario, each.label, each.why): each.harm for each in known}
    shown = set()
    for behaviour in seen:
        key = (behaviour.row.partition("[")[0], behaviour.label, behaviour.known)
        shown.add(key)
        yield replace(behaviour, harm=min(behaviour.harm, harm_of.get(key, behaviour.harm), key=_ORDER.__getitem__))
    unseen: dict[tuple[str, Harm, str, str], list[str]] = {}
    for each in known:
        if (each.scenario, each.label, each.why) not in shown:
            unseen.setdefault((each.label, each.harm, each.text, each.why), []).append(each.scenario)
    for (label, harm, text, why), rows in unseen.items():
        yield Behaviour(row=", ".join(rows), label=label, harm=harm, text=text, known=why, is_seen=False)


def _text_of(finding: Finding, cell: CellSummary, row: RowSummary) -> str:
    return ", ".join(finding.values) or (_answer(cell, row) if finding.key == row.headline else "") or finding.title


def _worst(cell: CellSummary) -> Harm:
    return min(cell.harms, key=_ORDER.__getitem__, default=Harm.ANSWER)


def _answer(cell: CellSummary, row: RowSummary) -> str:
    return " | ".join(cell.frequencies.get(row.headline, {}))


def _figure(row: RowSummary, cell: CellSummary) -> Iterator[MeasuredRow]:
    if cell.headline is not None:
        ratio = cell.ratio
        yield MeasuredRow(
            row=str(row.row),
            headline=row.headline,
            median=cell.headline.median,
            unit=cell.headline.unit,
            ratio=ratio.ratio if ratio else None,
            low=ratio.low if ratio else None,
            high=ratio.high if ratio else None,
            verdict=ratio.verdict if ratio else None,
        )


def _headroom(squares: Iterable[tuple[RowSummary, CellSummary]]) -> float | None:
    rates = [
        float(value)
        for row, cell in squares
        for name, value in row.row.parameters
        if name == RATE and isinstance(value, (int, float)) and cell.headline is not None and not cell.is_unexpected
    ]
    return max(rates, default=None)
