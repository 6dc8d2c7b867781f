"""A cell that hangs, crashes or raises is run again, as often as it may be; every attempt is reported."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from harness.model import Attempt, Cell, CellFinished, CellResult, CellRetried, Outcome

RETRIED = (Outcome.HUNG, Outcome.CRASHED, Outcome.RAISED)


class Retries:
    """The attempts at one cell that ended badly before the one that counts."""

    def __init__(self, cell: Cell, folder: Path) -> None:
        """Begin with the first attempt.

        Args:
            cell: has the number of allowed repetitions.
            folder: of the run.
        """
        self._cell = cell
        self._folder = folder
        self._before: list[Attempt] = []
        self.is_over = False

    def conclude(self, result: CellResult, *, is_last: bool) -> CellFinished | CellRetried:
        """Return the event of an attempt: it counts, or the cell is run again.

        Args:
            result: of the present attempt.
            is_last: whether there is no time for another one.
        """
        if is_last or result.outcome not in RETRIED or len(self._before) >= self._cell.retries:
            self.is_over = True
            return CellFinished(result=msgspec.structs.replace(result, retried=tuple(self._before)))
        kept = self._keep_evidence(result)
        attempt = Attempt(outcome=kept.outcome, reason=kept.reason, seconds=kept.seconds, evidence=kept.evidence)
        self._before.append(attempt)
        return CellRetried(result=kept, attempt=len(self._before))

    def _keep_evidence(self, result: CellResult) -> CellResult:
        """Move the evidence out of the way of the next attempt's."""
        if not result.evidence:
            return result
        moved = f"{result.evidence}.attempt-{len(self._before) + 1}"
        with suppress(OSError):
            if (self._folder / moved).exists():  # of a run that was resumed within its attempts
                shutil.rmtree(self._folder / moved)
            (self._folder / result.evidence).replace(self._folder / moved)
            return msgspec.structs.replace(result, evidence=moved)
        return msgspec.structs.replace(result, evidence="")
