"""Whether a run is whole: planned cells that did not run, and problems of its journal.

A run that is not whole has no verdict. A cell that cannot run (a capability is absent, the host lacks what the
scenario needs) is no part of that: its reason explains it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.model import NOT_TRIED, OUT_OF_TIME, UNFINISHED, Outcome, Run

from .rows import CellFacts, Row

_MOST_REASONS = 2
_MOST_FAMILIES = 5


def describe_incomplete(run: Run, rows: Sequence[Row]) -> str:
    """Return why a run proves less than was planned, or an empty string."""
    cells = [cell for row in rows for cell in row.cells]
    return "; ".join(_parts(run, cells))


def is_unfinished(cell: CellFacts, rounds: int = 0) -> bool:
    """Return whether a cell was cut off, or was not run because its run ended before it; `rounds` were requested."""
    reason = cell.result.reason
    if reason.startswith(OUT_OF_TIME) and cell.cell.round > rounds:
        return False  # one of the rounds that the time was spent on, as far as it went
    if cell.outcome is Outcome.INTERRUPTED:
        return True
    return cell.outcome is Outcome.NOT_RUN and reason.startswith(UNFINISHED)


def _parts(run: Run, cells: Sequence[CellFacts]) -> Iterator[str]:
    request = run.started.request
    rounds = max(request.rounds, request.stress_count)
    left_out = [cell for cell in cells if is_unfinished(cell, rounds)]
    if left_out:
        yield f"{len(left_out)} of {len(cells)} cells not run"
    if run.note:
        yield run.note
    elif not run.complete:
        yield "the journal has no footer: the run did not end, or was cut off"
    stopped = {cell.result.reason for cell in left_out}
    yield from sorted(reason for reason in stopped if reason.startswith("stopped after"))
    if any(reason.startswith(OUT_OF_TIME) for reason in stopped):
        yield _describe_families(cells, left_out)
    reasons = Counter(cell.result.reason for cell in cells if cell.outcome is Outcome.INVALID_ENV)
    if reasons:
        named = [reason for reason, _ in reasons.most_common(_MOST_REASONS)]
        more = f" and {len(reasons) - len(named)} more reasons" if len(reasons) > len(named) else ""
        yield f"{reasons.total()} of {len(cells)} cells could not run here ({'; '.join(named)}{more})"


def _describe_families(cells: Sequence[CellFacts], left_out: Sequence[CellFacts]) -> str:
    """Return which families of scenarios a run without enough time left out, in whole or in part."""
    asked = {_family_of(cell) for cell in cells if cell.outcome not in NOT_TRIED}
    missing = Counter(_family_of(cell) for cell in left_out)
    unasked = sorted(set(missing) - asked)
    named = [f"{family} ({count})" for family, count in missing.most_common(_MOST_FAMILIES)]
    more = f" and {len(missing) - len(named)} more families" if len(missing) > len(named) else ""
    begin = f"not asked at all: {', '.join(unasked)}" if unasked else "each family was asked"
    return f"{begin}; cells left out: {', '.join(named)}{more}"


def _family_of(cell: CellFacts) -> str:
    return cell.cell.scenario.partition(".")[0]
