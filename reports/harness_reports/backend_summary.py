"""Each backend of a run by what its rows show: bugs, differences, hangs, missing figures, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.api import Harm
from harness.model import (
    NOT_TRIED,
    UNFINISHED,
    CellSummary,
    Comparison,
    FindingKind,
    Outcome,
    Overall,
    RowSummary,
    Run,
)

from .grid import places_of_variants
from .squares import overall_text

_BY_DESIGN = (FindingKind.INTERESTING, FindingKind.FLAKY)


class Standing(StrEnum):
    """How a row stands on one backend, the heaviest first."""

    BUG = "bug"
    """It breaks the contract, and that is not listed."""
    DIFFERENCE = "difference"
    """Backends differ although the contract asks for the same, and that is not listed."""
    KNOWN = "known"
    """Either of them, listed with its reason."""
    BY_DESIGN = "by design"
    """The contract leaves open how it behaves."""
    NOT_FINISHED = "not finished"
    """The run ended before it."""
    NOT_MEASURED = "not measured"
    """It ran, and its figure is withheld."""
    NOT_RUN = "not run"
    """The backend is not installed, or lacks a capability; or this host cannot run it."""
    FINE = "fine"
    """As expected."""


_WEIGHTS = {standing: place for place, standing in enumerate(Standing)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSummary:
    """A column of the run; the idioms that were run beside a backend count as that backend."""

    label: str
    standings: Mapping[Standing, int]
    """Number of rows by how they stand."""
    hangs: int
    """Rows that hang and are not listed."""
    known_hangs: int
    design_hangs: int
    """Rows that hang as their contract permits, where other backends do not."""
    overall: Overall | None
    """Cost over all rows; nothing for the reference."""
    is_reference: bool

    def count(self, standing: Standing) -> int:
        """Return the number of rows that stand so."""
        return self.standings.get(standing, 0)

    @property
    def hang_text(self) -> str:
        """Hangs that are new, those that are listed, and those by design."""
        named = ((self.hangs, ""), (self.known_hangs, " known"), (self.design_hangs, " by design"))
        return " + ".join(f"{count}{name}" for count, name in named if count) or "0"

    @property
    def cost_text(self) -> str:
        """Its cost as a factor of the reference's; empty where none was measured."""
        if self.is_reference:
            return "reference"
        return overall_text(self.overall) if self.overall else ""


def summarise_backends(run: Run, comparison: Comparison) -> list[BackendSummary]:
    """Return a summary of each backend that was asked for, in the order of the request."""
    squares = group_by_backend(run, comparison)
    has_cost = bool(comparison.overall)
    return [
        BackendSummary(
            label=label,
            standings=Counter(stand(cells) for cells in rows.values()),
            hangs=_count_hangs(rows.values(), Standing.BUG, Standing.DIFFERENCE),
            known_hangs=_count_hangs(rows.values(), Standing.KNOWN),
            design_hangs=_count_hangs(rows.values(), Standing.BY_DESIGN),
            overall=comparison.overall.get(label),
            is_reference=has_cost and label == comparison.reference,
        )
        for label, rows in squares.items()
    ]


def group_by_backend(run: Run, comparison: Comparison) -> dict[str, dict[int, list[CellSummary]]]:
    """Return by backend and place of the row the squares that are about it: its own, its idioms', those of pairs."""
    variants = {label: column for label, (column, _) in places_of_variants(run.started.plan).items()}
    asked = [card.label for card in run.started.backends if card.label not in variants]
    found: dict[str, dict[int, list[CellSummary]]] = {label: {} for label in asked}
    for place, row in enumerate(comparison.rows):
        for cell in row.cells:
            for label in backends_of(cell, variants):
                found.setdefault(label, {}).setdefault(place, []).append(cell)
    return {label: rows for label, rows in found.items() if rows}


def backends_of(cell: CellSummary, variants: Mapping[str, str]) -> Iterable[str]:
    """Return the backends that a square is about: one, or both of a pair."""
    labels = cell.roles if len(set(cell.roles)) > 1 else (cell.label,)
    return dict.fromkeys(variants.get(label, label) for label in labels)


def stand(cells: Sequence[CellSummary]) -> Standing:
    """Return the heaviest standing of squares that belong together."""
    return min(map(_standing_of, cells), key=_WEIGHTS.__getitem__)


def count_rows(comparison: Comparison, standing: Standing) -> int:
    """Return in how many rows any square stands so."""
    return sum(any(_is_counted(cell, standing) for cell in row.cells) for row in comparison.rows)


def _is_counted(cell: CellSummary, standing: Standing) -> bool:
    if standing is Standing.NOT_MEASURED:  # also where something else is known of the row
        return cell.withheld and not cell.is_unexpected
    return _standing_of(cell) is standing


def is_differing(row: RowSummary) -> bool:
    """Return whether anything in a row is a bug, a difference, known, or by design."""
    return _WEIGHTS[stand(row.cells)] <= _WEIGHTS[Standing.BY_DESIGN]


def _standing_of(cell: CellSummary) -> Standing:
    if unexpected := {kind for kind in cell.findings if kind.unexpected}:
        return Standing.DIFFERENCE if unexpected == {FindingKind.DIVERGENCE} else Standing.BUG
    if cell.known:
        return Standing.KNOWN
    if any(kind in _BY_DESIGN for kind in cell.findings):
        return Standing.BY_DESIGN
    if cell.outcome in NOT_TRIED:
        return Standing.NOT_FINISHED if _is_unfinished(cell) else Standing.NOT_RUN
    return Standing.NOT_MEASURED if cell.withheld else Standing.FINE


def _is_unfinished(cell: CellSummary) -> bool:
    reason = cell.reason.removeprefix(f"{cell.outcome}: ")
    return cell.outcome is Outcome.INTERRUPTED or (cell.outcome is Outcome.NOT_RUN and reason.startswith(UNFINISHED))


def _count_hangs(rows: Iterable[Sequence[CellSummary]], *standings: Standing) -> int:
    return sum(any(_hangs(cell) and _standing_of(cell) in standings for cell in cells) for cells in rows)


def _hangs(cell: CellSummary) -> bool:
    """Return whether a square hangs: by its outcome, or by an answer that its question grades as a hang."""
    return FindingKind.HANG in (*cell.findings, *cell.known) or Harm.HANG in cell.harms
