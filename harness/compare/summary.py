"""The grid: the content of each square, and the reason where it has no figure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harness.api import NO_FIGURE, Harm, Metric, Outcomes
from harness.model import PLANTED, CellSummary, FindingKind, MetricSummary, Nature, Outcome, RatioSummary, RowSummary

from .findings import WEIGHT, Judgement
from .ratios import MOST_MISSING, add_ratios, compare_alias
from .rows import CellFacts, Row, Square
from .traits import list_traits
from .values import outcome_text, value_text

_MOST_VALUES = 200
"""Distinct values of a key that a square shows; the journal has all."""


def summarise_row(
    row: Row, judgements: Sequence[Judgement], reference: str, nature: Nature | None = None
) -> RowSummary:
    """Return a line of the grid.

    Args:
        row: its cells.
        judgements: about this row, and about backends that could not run.
        reference: label of the column that ratios refer to.
        nature: whether an order of steps explains a difference.
    """
    void = void_cells(row, judgements)
    cells = _withhold(tuple(summarise_square(square, row, judgements, void) for square in row.squares), row)
    return RowSummary(
        row=row.id,
        headline=row.card.headline,
        cells=add_ratios(cells, row, reference),
        alias=_summarise_alias(cells, row, void),
        nature=nature,
    )


def _summarise_alias(cells: Sequence[CellSummary], row: Row, void: Mapping[str, str]) -> RatioSummary | None:
    # Whichever backend was run twice, also if ratios refer to another column by now.
    again = [cell for cell in row.cells if cell.cell.alias and cell.id not in void]
    label = again[0].label if again else ""
    base = next((cell.headline for cell in cells if cell.label == label), None)
    metric = _summarise_metrics(again, row).get(row.card.headline)
    return compare_alias(metric, base, row, label) if metric and base else None


def void_cells(row: Row, judgements: Sequence[Judgement]) -> dict[str, str]:
    """Return the cells whose numbers do not count, each with the reason."""
    void: dict[str, str] = {}
    for cell in row.cells:
        if cell.outcome is not Outcome.COMPLETED:
            void[cell.id] = f"{cell.outcome}: {cell.result.reason}" if cell.result.reason else str(cell.outcome)
        elif not _is_attested(cell):
            void[cell.id] = "what really ran was not attested"
    for judgement in judgements:
        if judgement.voids:
            for cell_id in sorted(judgement.cells):
                void.setdefault(cell_id, judgement.finding.title)
    return void


def summarise_square(square: Square, row: Row, judgements: Sequence[Judgement], void: Mapping[str, str]) -> CellSummary:
    """Return the content of a square."""
    own = [cell for cell in square.cells if not cell.cell.alias and not cell.is_trial]
    right = [cell for cell in own if cell.id not in void]
    has_figures = len(own) - len(right) <= MOST_MISSING * len(own)
    metrics = _summarise_metrics(right, row) if has_figures else {}
    headline = metrics.get(row.card.headline)
    return CellSummary(
        label=square.label,
        roles=tuple(str(assigned.backend) for assigned in square.cells[0].cell.roles),
        outcomes=dict(Counter(cell.outcome for cell in square.cells)),
        headline=headline,
        metrics=metrics,
        values=_other_values(square, row),
        frequencies=_frequencies(square, row),
        reason="" if headline else _reason_of(own, row, void, has_figures=has_figures),
        findings=_kinds_of(square, judgements, known=False),
        known=_kinds_of(square, judgements, known=True),
        withheld=headline is None and _is_withheld(own, row),
        harms=_harms_of(square, row),
        planted=_is_caught(square, judgements),
    )


def _withhold(cells: tuple[CellSummary, ...], row: Row) -> tuple[CellSummary, ...]:
    """Return squares that lack a required figure: other squares of the row have it, or give a reason."""
    has_figures = any(cell.headline is not None for cell in cells)
    said = {cell.label for cell in row.completed if cell.values(NO_FIGURE)}
    return tuple(
        msgspec.structs.replace(cell, withheld=cell.withheld and (has_figures or cell.label in said)) for cell in cells
    )


def _is_withheld(own: Sequence[CellFacts], row: Row) -> bool:
    """Return whether a figure may be due, and the cells that completed do not give it."""
    judge = row.card.judges.get(row.card.headline)
    return judge is not None and judge.is_measured and any(cell.completed for cell in own)


def _is_caught(square: Square, judgements: Sequence[Judgement]) -> bool | None:
    """Return whether a planted fault was caught in a square; nothing where none was looked for."""
    cells = {cell.id for cell in square.cells}
    own = [judgement.finding for judgement in judgements if judgement.cells & cells]
    if any(finding.known == PLANTED for finding in own):
        return True
    return False if any(finding.kind is FindingKind.MISSED for finding in own) else None


def _harms_of(square: Square, row: Row) -> tuple[Harm, ...]:
    found = {
        trait.harm
        for cell in square.cells
        if cell.ran
        for trait in list_traits(row, cell)
        if trait.breaks or (trait.harm is not Harm.ANSWER and _is_graded(row, trait.key))
    }
    return tuple(harm for harm in Harm if harm in found)


def _is_graded(row: Row, key: str) -> bool:
    judge = row.card.judges.get(key)
    return judge is not None and judge.is_graded


def _is_attested(cell: CellFacts) -> bool:
    return bool(cell.roles) and all(role.attestation is not None and role.attestation.holds for role in cell.roles)


def _summarise_metrics(right: Sequence[CellFacts], row: Row) -> dict[str, MetricSummary]:
    metrics = {}
    for key, judge in row.card.judges.items():
        if isinstance(judge, Metric):
            samples = {cell.cell.round: numbers for cell in right if (numbers := cell.numbers(key))}
            if samples:
                values = tuple(map(statistics.median, samples.values()))
                pick = max if judge.better == "higher" else min
                metrics[key] = MetricSummary(
                    unit=judge.unit,
                    better=judge.better,
                    values=values,
                    median=statistics.median(values),
                    rounds=tuple(samples),
                    best=tuple(map(pick, samples.values())) if max(map(len, samples.values())) > 1 else (),
                )
    return metrics


def _other_values(square: Square, row: Row) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for cell in square.cells:
        for key in cell.observed:
            if not ((judge := row.card.judges.get(key)) and judge.is_measured):
                found.setdefault(key, {}).update({value_text(value): value for value in cell.values(key)})
    order = [*(key for key in row.card.judges if key in found), *(key for key in found if key not in row.card.judges)]
    return {key: _one_or_all(list(found[key].values())) for key in order}


def _one_or_all(values: list[Any]) -> Any:
    if len(values) > _MOST_VALUES:
        return [*values[:_MOST_VALUES], f"… ({len(values) - _MOST_VALUES:,} more values)"]
    return values[0] if len(values) == 1 else values


def _frequencies(square: Square, row: Row) -> dict[str, dict[str, int]]:
    frequencies = {}
    for key, judge in row.card.judges.items():
        if isinstance(judge, Outcomes):
            counts = Counter(outcome_text(value) for cell in square.cells if cell.ran for value in cell.values(key))
            if counts:
                frequencies[key] = dict(sorted(_most_frequent(counts, judge).items()))
    return frequencies


def _most_frequent(counts: Counter[str], judge: Outcomes) -> Mapping[str, int]:
    """Return the counts of listed outcomes, and of the most frequent unlisted ones; the other ones are one entry."""
    if len(counts) <= _MOST_VALUES:
        return counts
    ordered = sorted(counts, key=lambda value: (value not in judge.grades, -counts[value]))
    rest = ordered[_MOST_VALUES:]
    other = {f"… ({len(rest):,} more values)": sum(counts[value] for value in rest)}
    return {value: counts[value] for value in ordered[:_MOST_VALUES]} | other


def _reason_of(own: Sequence[CellFacts], row: Row, void: Mapping[str, str], *, has_figures: bool) -> str:
    reasons = [void[cell.id] for cell in own if cell.id in void]
    if reasons and not has_figures:
        rounds = len(own)
        return reasons[0] if rounds == 1 else f"{len(reasons)} of {rounds} rounds: {reasons[0]}"
    if (judge := row.card.judges.get(row.card.headline)) and judge.is_measured:
        said = dict.fromkeys(str(value) for cell in own for value in cell.values(NO_FIGURE))
        return "; ".join(said) or f"{row.card.headline} was not observed"
    return reasons[0] if reasons else ""


def _kinds_of(square: Square, judgements: Sequence[Judgement], *, known: bool) -> tuple[FindingKind, ...]:
    cells = {cell.id for cell in square.cells}
    findings = [judgement.finding for judgement in judgements if judgement.cells & cells]
    kinds = {finding.kind for finding in findings if bool(finding.known) is known} - {FindingKind.STALLED}  # a note
    return tuple(sorted(kinds, key=WEIGHT.__getitem__))
