"""Breaches of cells that noted where their tasks hung are hangs, with the tasks by backend and round."""

from harness.api import HANG_TASKS, allowed, forbidden, info, outcomes
from harness.compare import compare
from harness.model import FindingKind

from .run_builder import a_run, cell


def test_tasks_are_listed_in_order():
    """Also where many cells hang: the same run gives the same report, whatever the hash seed of its reader."""
    judges = {"answer": outcomes({"ends": allowed(), "never ends": forbidden("it ends")}), HANG_TASKS: info()}
    labels, rounds = ("asyncio", "uvloop", "trio", "curio", "threads"), (1, 2, 3, 4)
    stuck = [
        cell(label, round=number, observed={"answer": "never ends", HANG_TASKS: f"{number}"})
        for number in rounds
        for label in labels
    ]
    run = a_run(*stuck, cell("healthy", observed={"answer": "ends"}), judges=judges)
    (finding,) = [found for found in compare(run).findings if found.kind is FindingKind.HANG]
    listed = [line for line in finding.details if ": task " in line]
    assert listed == [f"{label}: task {number}" for label in labels for number in rounds]
