"""Further rounds of rows that differ once, which may be chance: a candidate from its baseline, a test of a suite."""

from __future__ import annotations

from collections.abc import Mapping

from harness.compare import find_doubtful
from harness.model import RowId, Run

ROUNDS = 4
"""Of each doubtful row, beside the first. A value that a backend shows in every second cell would pass for a steady
difference once in a thousand rows."""
ROUNDS_ALONE = 1
"""Of each test that differs: it runs alone, in a process of its own."""


class Confirmation:
    """Chooses the rounds once, when the first round has been run."""

    def __init__(self) -> None:
        self._is_done = False

    def choose_rounds(self, run: Run) -> Mapping[RowId, range]:
        """Return the further rounds of the rows that need them, once."""
        if self._is_done:
            return {}
        self._is_done = True
        first = run.started.request.rounds + 1
        rounds = ROUNDS_ALONE if run.started.request.suite else ROUNDS
        chosen = {record.cell.row for record in run.records if record.cell.round >= first}  # before the run was resumed
        return {row: range(first, first + rounds) for row in find_doubtful(run) if row not in chosen}
