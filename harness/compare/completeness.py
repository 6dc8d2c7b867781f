"""Whether a run is whole: planned cells that did not run, and problems of its journal.

A run that is not whole has no verdict. A cell that cannot run (a capability is absent, the host lacks what the
scenario needs) is no part of that: its reason explains it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.model import UNFINISHED, Outcome, Run

from .rows import CellFacts, Row

_MOST_REASONS = 2


def describe_incomplete(run: Run, rows: Sequence[Row]) -> str:
    """Return why a run proves less than was planned, or an empty string."""
    cells = [cell for row in rows for cell in row.cells]
    return "; ".join(_parts(run, cells))


def is_unfinished(cell: CellFacts) -> bool:
    """Return whether a cell was cut off, or was not run because its run ended before it."""
    if cell.outcome is Outcome.INTERRUPTED:
        return True
    return cell.outcome is Outcome.NOT_RUN and cell.result.reason.startswith(UNFINISHED)


def _parts(run: Run, cells: Sequence[CellFacts]) -> Iterator[str]:
    if unfinished := sum(map(is_unfinished, cells)):
        yield f"{unfinished} of {len(cells)} cells not run"
    if run.note:
        yield run.note
    elif not run.complete:
        yield "the journal has no footer: the run did not end, or was cut off"
    if stopped := {cell.result.reason for cell in cells if is_unfinished(cell)} - {""}:
        yield from sorted(reason for reason in stopped if reason.startswith("stopped after"))
    reasons = Counter(cell.result.reason for cell in cells if cell.outcome is Outcome.INVALID_ENV)
    if reasons:
        named = [reason for reason, _ in reasons.most_common(_MOST_REASONS)]
        more = f" and {len(reasons) - len(named)} more reasons" if len(reasons) > len(named) else ""
        yield f"{reasons.total()} of {len(cells)} cells could not run here ({'; '.join(named)}{more})"
