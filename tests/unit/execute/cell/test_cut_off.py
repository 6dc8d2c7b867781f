"""A run that has used up its time ends the cells that still run, and starts no attempt that would not end."""

from __future__ import annotations

import time

from harness.execute import CutOff, run_guarded
from harness.model import BackendSpec, Cell, CellFinished, Outcome, RoleBackend
from harness.plugins import Plugins


def test_a_cell_that_still_runs_is_ended(tmp_path):
    """Long before its own limits, with the reason of the run."""
    roles = (RoleBackend("main", BackendSpec("asyncio")),)
    slow = Cell(scenario="cancel.cleanup-waits", roles=roles, parameters=(("repetitions", 10_000_000),), hang_after=50)
    until = CutOff(at=time.monotonic() + 0.3, reason="stopped after the budget of 1 s")
    finished = list(run_guarded(slow, Plugins().catalogue(), tmp_path, None, until))[-1]
    assert isinstance(finished, CellFinished)
    assert (finished.result.outcome, finished.result.reason) == (Outcome.INTERRUPTED, until.reason)
    assert finished.result.roles[0].survivors == ()


def test_what_it_allows():
    """An attempt that would end behind it is not made."""
    until = CutOff(at=time.monotonic() + 100, reason="")
    assert until.allows(10)
    assert not until.allows(200)
