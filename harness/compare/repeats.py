"""How often cells were run again because others had the CPU: if that met one backend more than another, it matters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import comb

from harness.model import Cell, CellRecord, Outcome, Repeats, RowId, Run

_SIGNIFICANCE = 0.01
"""How often chance alone may give a warning."""


def count_repeats(run: Run) -> Repeats | None:
    """Return how often; nothing if nothing was run again."""
    records = list(_that_could_be_repeated(run))
    cells = Counter(_arm(record.cell) for record in records)
    repeated = Counter(_arm(record.cell) for record in records if record.result.disturbed)
    if not repeated:
        return None
    return Repeats(
        cells=dict(cells),
        repeated={arm: repeated[arm] for arm in cells},
        unequal=tuple(_find_unequal(records, cells)),
    )


def _that_could_be_repeated(run: Run) -> Iterator[CellRecord]:
    scenarios = {card.name for card in run.started.scenarios if card.cpu_bound}
    parallel = {card.name for card in run.started.backends if card.parallel}
    for record in run.records:
        names = {assigned.backend.name for assigned in record.cell.roles}
        if record.result.outcome is Outcome.COMPLETED and record.cell.scenario in scenarios and not names & parallel:
            yield record


def _find_unequal(records: list[CellRecord], arms: Mapping[str, int]) -> Iterator[str]:
    """Yield the arms that were repeated more or less often than chance has it.

    Only rounds that each arm completed are looked at: one that lacks a row lacks its disturbance as well.
    """
    by_round: dict[tuple[RowId, int], dict[str, bool]] = defaultdict(dict)
    for record in records:
        by_round[record.cell.row, record.cell.round][_arm(record.cell)] = bool(record.result.disturbed)
    whole = [found for found in by_round.values() if len(found) == len(arms)]
    total = sum(sum(found.values()) for found in whole)
    for arm in arms:
        own = sum(found[arm] for found in whole)
        if len(arms) > 1 and compute_chance(own, len(whole), total, len(whole) * len(arms)) * len(arms) < _SIGNIFICANCE:
            yield arm


def compute_chance(own: int, cells: int, total: int, all_cells: int) -> float:
    """Return how likely a share as far from the expected one is if chance alone decides which cells are repeated.

    Fisher's exact test, twice its smaller tail.

    Args:
        own: cells of an arm that were repeated.
        cells: of the arm.
        total: cells of all arms that were repeated.
        all_cells: of all arms.
    """
    ways = [comb(cells, k) * comb(all_cells - cells, total - k) if k <= total else 0 for k in range(cells + 1)]
    return min(1.0, 2 * min(sum(ways[: own + 1]), sum(ways[own:])) / comb(all_cells, total))


def _arm(cell: Cell) -> str:
    return f"{cell.label}{'(again)' if cell.alias else ''}"
