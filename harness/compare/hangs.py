"""Questions that ended a trial by their own deadline: what never ends is a hang, whoever gave up waiting for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from harness.api import HANG_TASKS
from harness.model import FindingKind

from .findings import Judgement
from .rows import CellFacts, Row

_MOST_LINES = 24


def name_hangs(row: Row, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
    """Yield the judgements of a row; a breach by cells that noted where their tasks hung is a hang, with those."""
    noted = {cell.id: cell for cell in row.ran if cell.values(HANG_TASKS)}
    for judgement in judgements:
        culprits = [cell for id_, cell in noted.items() if id_ in judgement.cells]
        is_breach = judgement.finding.kind is FindingKind.VIOLATION and bool(judgement.finding.values)
        if is_breach and culprits and len(culprits) == len(judgement.cells):
            details = (*judgement.finding.details, *_lines_of(culprits))
            finding = msgspec.structs.replace(judgement.finding, kind=FindingKind.HANG, details=details)
            yield replace(judgement, finding=finding)
        else:
            yield judgement


def _lines_of(culprits: Iterable[CellFacts]) -> tuple[str, ...]:
    lines = {f"{cell.label}: task {line}": None for cell in culprits for line in cell.values(HANG_TASKS)}
    return tuple(lines)[:_MOST_LINES]
