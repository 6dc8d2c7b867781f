"""Further rounds of the rows in which a candidate differs from its baseline: what shows once may be chance."""

from __future__ import annotations

from collections.abc import Mapping

from harness.compare import find_doubtful
from harness.model import RowId, Run

ROUNDS = 4
"""Of each doubtful row, beside the first. A value that a backend shows in every second cell would pass for a steady
difference once in a thousand rows."""


class Confirmation:
    """Chooses the rounds once, when the first round has been run."""

    def __init__(self) -> None:
        self._is_done = False

    def choose_rounds(self, run: Run) -> Mapping[RowId, range]:
        """Return the further rounds of a run without a candidate, or of one whose rows have them: none."""
        if self._is_done:
            return {}
        self._is_done = True
        return {row: range(2, 2 + ROUNDS) for row in find_doubtful(run)}
