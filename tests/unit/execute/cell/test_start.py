"""What a forked cell finds is confirmed in a fresh process: the last attempt counts, and it is a fresh one."""

from __future__ import annotations

import pytest

from harness.api import Scenario, exact
from harness.execute.cell.start import StartCheck
from harness.execute.role.warm import WarmParents
from harness.model import BackendSpec, Cell, CellResult, CellRetried, Observed, Outcome, RoleBackend, RoleResult

CELL = Cell(scenario="asked", roles=(RoleBackend("main", BackendSpec("asyncio")),), seed=3)
ASKED = Scenario(
    name="asked",
    question="?",
    contract=(),
    ref="asked:asked",
    roles={},
    parameters=(),
    judges={"answer": exact(1)},
    headline="answer",
    rows={},
    side_by_side=True,
)
RIGHT, WRONG = 1, 2


def attempts(tmp_path, *answers):
    """Return whether each attempt was forked, and what became of the last one."""
    check = StartCheck(CELL, ASKED, tmp_path, WarmParents(5))
    kinds = []
    for answer in answers:
        is_forked = check.warm is not None
        kinds.append(is_forked)
        outcome = Outcome.COMPLETED
        if isinstance(answer, Outcome):
            outcome = answer
        else:
            check.see(Observed(role="main", key="answer", value=answer, at=0.0))
        role = RoleResult(role="main", backend="asyncio", outcome=outcome, is_forked=is_forked)
        concluded = check.conclude(CellResult(cell_id=CELL.id, outcome=outcome, roles=(role,)), is_last=False)
    return kinds, concluded


def test_a_forked_cell_that_is_right_counts(tmp_path):
    kinds, result = attempts(tmp_path, RIGHT)
    assert kinds == [True]
    assert result.starts == ()


@pytest.mark.parametrize("wrong", [WRONG, Outcome.HUNG, Outcome.CRASHED])
def test_a_finding_that_a_fresh_process_confirms(tmp_path, wrong):
    """Both are kept, and nothing is ours."""
    _, event = attempts(tmp_path, wrong)
    assert isinstance(event, CellRetried)
    assert event.confirms
    kinds, result = attempts(tmp_path, wrong, wrong)
    assert kinds == [True, False]
    assert [attempt.problems for attempt in result.starts] == [result.starts[0].problems] * 2
    assert not result.differs_by_start


def test_a_finding_of_each_forked_process_and_no_fresh_one_is_a_defect_of_harness(tmp_path):
    kinds, result = attempts(tmp_path, WRONG, RIGHT, WRONG, RIGHT, WRONG, RIGHT)
    assert kinds == [True, False] * 3
    assert result.outcome is Outcome.COMPLETED
    assert result.differs_by_start


@pytest.mark.parametrize(
    "answers",
    [
        (WRONG, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT),
        (WRONG, RIGHT, WRONG, WRONG),
        (Outcome.HUNG, WRONG, Outcome.HUNG, Outcome.HUNG),
    ],
)
def test_chance_is_no_defect(tmp_path, answers):
    """What differs from attempt to attempt of one kind has nothing to do with the start."""
    kinds, result = attempts(tmp_path, *answers)
    assert isinstance(result, CellResult)
    assert not kinds[-1]
    assert not result.differs_by_start


def test_hash_seed(tmp_path):
    """A fork cannot set it, so a cell that may be forked has that of the warm parents, forked or fresh."""
    assert StartCheck(CELL, ASKED, tmp_path).hash_seed == 3
    assert StartCheck(CELL, ASKED, tmp_path, WarmParents(5)).hash_seed == 5


def test_a_finding_that_there_is_no_time_to_confirm_is_none(tmp_path):
    """The cell counts as interrupted; what its forked attempt showed stays in the journal."""
    check = StartCheck(CELL, ASKED, tmp_path, WarmParents(5))
    check.see(Observed(role="main", key="answer", value=WRONG, at=0.0))
    role = RoleResult(role="main", backend="asyncio", outcome=Outcome.COMPLETED, is_forked=True)
    result = check.conclude(CellResult(cell_id=CELL.id, outcome=Outcome.COMPLETED, roles=(role,)), is_last=True)
    assert isinstance(result, CellResult)
    assert (result.outcome, result.roles) == (Outcome.INTERRUPTED, ())
    assert [attempt.problems for attempt in result.starts] == [("answer breaks the contract",)]
