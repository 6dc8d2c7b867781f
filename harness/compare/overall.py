"""How a backend stands to the reference over all rows: a geometric mean, with what another draw of rounds might give.

It describes this run and decides nothing: it depends on the choice of rows, and those are no sample of
anything. That is why its bounds may come from a bootstrap, which is too narrow for verdicts at so few rounds.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Sequence

from harness.model import CellSummary, Overall, RowSummary

from .intervals import CONFIDENCE, factor, pair_log_ratios

_DRAWS = 400

Logs = tuple[float, ...]
"""Of the rounds of a row: log-ratios of cost, so that less is better whatever the figure."""


def summarise_overall(rows: Sequence[RowSummary], reference: str) -> dict[str, Overall]:
    """Return the mean of each backend that has a ratio to the reference.

    Rows with an interval count. Where a backend has none, all its rows do, and the mean has no bounds.
    """
    bounded, others = defaultdict[str, list[Logs]](list), defaultdict[str, list[Logs]](list)
    for row in rows:
        base = next((cell for cell in row.cells if cell.label == reference), None)
        for cell in row.cells:
            if base is not None and cell.ratio is not None and cell.ratio.ratio is not None:
                kept = others if cell.ratio.low is None else bounded
                kept[cell.label].append(_log_ratios(cell, base))
    return {
        label: _summarise(bounded[label], label) if label in bounded else _summarise_plainly(others[label])
        for label in {**bounded, **others}
    }


def _log_ratios(cell: CellSummary, base: CellSummary) -> Logs:
    assert cell.headline is not None
    assert base.headline is not None
    logs = pair_log_ratios(cell.headline.by_round, base.headline.by_round)
    return tuple(-log for log in logs) if cell.headline.better == "higher" else logs


def _summarise_plainly(rows: Sequence[Logs]) -> Overall:
    return Overall(ratio=factor(_mean_of_medians(rows)), rows=len(rows))


def _summarise(rows: Sequence[Logs], label: str) -> Overall:
    source = random.Random(label)  # noqa: S311 - the same bounds whenever the run is judged
    means = sorted(_mean_of_medians([source.choices(logs, k=len(logs)) for logs in rows]) for _ in range(_DRAWS))
    outside = round(_DRAWS * (1 - CONFIDENCE) / 2)
    return Overall(
        ratio=factor(_mean_of_medians(rows)),
        low=factor(means[outside]),
        high=factor(means[-1 - outside]),
        rows=len(rows),
    )


def _mean_of_medians(rows: Sequence[Sequence[float]]) -> float:
    return statistics.fmean(map(statistics.median, rows))
