"""Can verdicts on speed be believed? The reference was run twice in each round, so its ratio to itself has to be 1."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.model import CellSummary, RatioSummary, RowSummary, Run, SelfCheck, SpeedVerdict

from .intervals import STRICT_CONFIDENCE
from .order_effects import measure_order_effects


def check_alias(run: Run, rows: Sequence[RowSummary]) -> SelfCheck | None:
    """Return in which rows identical code was called different; nothing if no row has a backend twice."""
    twice = [(row.row, row.alias) for row in rows if row.alias is not None]
    if not twice:
        return None
    checked = [(row, alias) for row, alias in twice if alias.confidence >= STRICT_CONFIDENCE]
    return SelfCheck(
        reference=twice[0][1].reference,
        checked=tuple(row for row, _ in checked),
        missed=tuple(row for row, alias in checked if not _holds_one(alias)),
        effects=measure_order_effects(run, rows),
    )


def withdraw_verdicts(rows: Sequence[RowSummary]) -> tuple[RowSummary, ...]:
    """Return rows in which every verdict on speed is inconclusive."""
    return tuple(msgspec.structs.replace(row, cells=tuple(map(_without_verdicts, row.cells))) for row in rows)


def _holds_one(alias: RatioSummary) -> bool:
    return alias.low is not None and alias.high is not None and alias.low <= 1 <= alias.high


def _without_verdicts(cell: CellSummary) -> CellSummary:
    ratios = {key: _inconclusive(ratio) for key, ratio in cell.ratios.items()}
    return msgspec.structs.replace(cell, ratios=ratios, ratio=_inconclusive(cell.ratio) if cell.ratio else None)


def _inconclusive(ratio: RatioSummary) -> RatioSummary:
    if ratio.verdict is None:
        return ratio
    return msgspec.structs.replace(ratio, verdict=SpeedVerdict.INCONCLUSIVE, rounds_needed=0)
