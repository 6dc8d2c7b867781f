"""Notes about cells that ended, and whose scheduler one call had held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import FindingKind, Outcome, Stall

from .findings import Judgement, make_judgement
from .rows import CellFacts, Row


def judge_stalls(row: Row) -> Iterator[Judgement]:
    """Find the call that held a scheduler for long; where the cell hung, its autopsy reports it."""
    seen: dict[str, list[Stall]] = {}
    culprits: list[CellFacts] = []
    for cell in row.ran:
        stalls = [stall for role in cell.roles for stall in role.stalls]
        if stalls and cell.outcome is not Outcome.HUNG:
            culprits.append(cell)
            seen.setdefault(cell.label, []).extend(stalls)
    if culprits:
        places = dict.fromkeys(stall.frames[0] for stalls in seen.values() for stall in stalls)
        yield make_judgement(
            row,
            FindingKind.STALLED,
            culprits,
            "one call holds the scheduler",
            expected="a task gives way within 0.1 s",
            values=tuple(places),
            details=tuple(line for label, stalls in seen.items() for line in _lines_of(label, stalls)),
        )


def _lines_of(label: str, stalls: Sequence[Stall]) -> Iterator[str]:
    longest: dict[str, Stall] = {}
    for stall in sorted(stalls, key=lambda stall: -stall.seconds):
        longest.setdefault(stall.frames[0], stall)
    for stall in longest.values():
        yield f"{label}: {stall}"
        yield from (f"{label}: called by {frame}" for frame in stall.frames[1:2])
