"""Which cells there is no point in, and which rounds come next."""

import pytest
from catalogue import catalogue

from harness.api import HANG_TASKS
from harness.model import (
    CellFinished,
    CellObserved,
    CellResult,
    CellStarted,
    NothingSelectedError,
    Observed,
    Outcome,
    Request,
    RunStarted,
    UsageError,
)
from harness.plan import make_plan
from harness.plan.partition import choose_part
from harness.session import stress as rounds
from harness.session.header import make_scenario_card
from harness.session.stop_rules import StopRules
from harness.session.stress import StressRounds


def control(**request):
    """Return a control that has seen the start of a run of `pipe`, and the run's cells."""
    asked = Request(scenarios=("pipe",), preset="thorough", rounds=5, **request)
    plan = make_plan(asked, catalogue())
    made = StopRules(asked)
    cards = tuple(make_scenario_card(catalogue(), name) for name in plan.scenarios)
    made.see(
        RunStarted(
            run_id="r", started_at="2026-01-01T00:00:00+00:00", request=asked, plan=plan, scenarios=cards, backends=()
        )
    )
    return made, plan.cells


def end(made, cell, outcome, lost=None):
    made.see(CellStarted(cell_id=cell.id, pids={"main": 1}))
    if lost is not None:
        made.see(CellObserved(cell_id=cell.id, observation=Observed(role="main", key="lost", value=lost, at=0.1)))
    made.see(CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome)))


def test_three_hangs_in_a_row_and_not_three_in_all():
    """One that completes in between begins the count anew; others are counted for themselves."""
    made, cells = control()
    alpha = [cell for cell in cells if cell.label == "alpha"]
    beta = next(cell for cell in cells if cell.label == "beta")
    hung, fine = Outcome.HUNG, Outcome.COMPLETED
    for cell, outcome in zip(alpha, (hung, hung, fine, hung, hung), strict=True):
        end(made, cell, outcome)
        assert made.skip_reason(cell) == ""
    end(made, alpha[0], hung)
    assert made.skip_reason(alpha[0]).startswith("hangs 3/3")
    assert made.skip_reason(beta) == ""


def test_what_was_not_run_neither_hung_nor_did_not():
    """A cell that is refused leaves the count as it is."""
    made, cells = control()
    alpha = [cell for cell in cells if cell.label == "alpha"]
    for cell, outcome in zip(alpha, [Outcome.HUNG, Outcome.NOT_RUN, Outcome.HUNG, Outcome.HUNG], strict=False):
        end(made, cell, outcome)
    assert made.skip_reason(alpha[4]).startswith("hangs 3/3")


def test_so_many_hangs_are_enough():
    """Wherever they were."""
    made, cells = control(max_hangs=2)
    end(made, cells[0], Outcome.HUNG)
    assert made.stopped == ""
    end(made, cells[1], Outcome.HUNG)
    assert made.skip_reason(cells[2]) == "stopped after 2 hangs (--max-hangs)"


def test_a_question_that_gave_up_waiting_is_not_counted():
    """It has ended by its own deadline; the option is about cells that had to be ended."""
    made, cells = control(max_hangs=1)
    gave_up = Observed(role="main", key=HANG_TASKS, value="main waits", at=0.1)
    made.see(CellObserved(cell_id=cells[0].id, observation=gave_up))
    end(made, cells[0], Outcome.COMPLETED)
    assert made.stopped == ""


@pytest.mark.parametrize(
    ("outcome", "lost", "stops"),
    [
        (Outcome.COMPLETED, 0, False),
        (Outcome.COMPLETED, 1, True),
        (Outcome.HUNG, None, True),
        (Outcome.CRASHED, None, True),
        (Outcome.RAISED, None, True),
        (Outcome.UNAVAILABLE, None, False),
        (Outcome.NOT_RUN, None, False),
    ],
)
def test_fail_fast_looks_at_one_cell_alone(outcome, lost, stops):
    """How it ended, and whether it kept its contract."""
    made, cells = control(fail_fast=True)
    end(made, cells[0], outcome, lost)
    assert bool(made.stopped) == stops
    patient, cells = control()
    end(patient, cells[0], outcome, lost)
    assert patient.stopped == ""


def test_rounds_are_added_until_the_time_is_over(monkeypatch):
    """One more of each row at a time, of those that still have something to run."""
    now = [100.0]
    monkeypatch.setattr(rounds.time, "monotonic", lambda: now[0])
    asked = Request(scenarios=("pipe",), preset="quick", rounds=2, stress_duration=10.0)
    plan = make_plan(asked, catalogue())
    stress = StressRounds(asked, plan, frozenset({"pipe"}))
    rows = {cell.row for cell in plan.cells}
    first = min(rows, key=str)
    assert stress.choose_rounds(lambda _cell: "") == dict.fromkeys(rows, range(3, 4))
    left = stress.choose_rounds(lambda cell: "retired" if cell.row == first else "")
    assert left == dict.fromkeys(rows - {first}, range(4, 5))
    assert stress.choose_rounds(lambda _cell: "retired") == {}
    now[0] = 110.0
    assert stress.choose_rounds(lambda _cell: "") == {}
    assert StressRounds(Request(), plan, frozenset({"pipe"})).choose_rounds(lambda _cell: "") == {}


def test_parts_are_the_whole_and_share_nothing():
    """Each row is in one part; the parts differ by one row at most."""
    rows = tuple(dict.fromkeys(cell.row for cell in make_plan(Request(), catalogue()).cells))
    for number in range(1, len(rows) + 1):
        parts = [choose_part(rows, f"{part}/{number}") for part in range(1, number + 1)]
        assert sorted(str(row) for part in parts for row in part) == sorted(map(str, rows))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert choose_part(rows, "") == rows


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_partition(text):
    """It is said."""
    with pytest.raises(UsageError, match="K/N"):
        make_plan(Request(partition=text), catalogue())


def test_a_part_without_rows():
    """Is a selection of nothing."""
    with pytest.raises(NothingSelectedError, match="no rows"):
        make_plan(Request(scenarios=("guard",), partition="2/2"), catalogue())


def test_a_part_names_the_scenarios_that_it_has():
    """And no other, so that none of them seems to be missing."""
    whole = make_plan(Request(), catalogue())
    part = make_plan(Request(partition="1/3"), catalogue())
    assert set(part.scenarios) == {cell.scenario for cell in part.cells} | {s.cell.scenario for s in part.skipped}
    assert {cell.id for cell in part.cells} < {cell.id for cell in whole.cells}
