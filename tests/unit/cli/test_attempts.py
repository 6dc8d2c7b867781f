"""Which cells are run again, and why."""

from __future__ import annotations

from harness.cli.attempts import Attempts
from harness.model import CellFinished, CellResult, CellRetried, CellStarted, Outcome

CELL = "channel@trio#1"


def test_an_attempt_that_confirms_a_finding_is_no_retry():
    """It is named as such until the cell has its result."""
    attempts = Attempts()
    hung = CellResult(cell_id=CELL, outcome=Outcome.HUNG)
    start = CellStarted(cell_id=CELL, pids={})
    said = []
    for event in (start, CellRetried(result=hung, attempt=1, confirms=True), start, CellFinished(result=hung)):
        attempts.see(event)
        said.append(attempts.describe(CELL))
    assert said == ["", " (to confirm a finding)", " (to confirm a finding)", ""]
