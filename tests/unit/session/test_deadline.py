"""The bound of a run's duration: each kind of cell gets its share, and the reports have theirs."""

from __future__ import annotations

import pytest

from harness.model import BackendSpec, Cell, RoleBackend
from harness.session.costs import GUESS, CellCosts
from harness.session.deadline import Deadline

ROLES = (RoleBackend("main", BackendSpec("asyncio")),)
SHARED = tuple(Cell(scenario="close.wakes-reader", roles=ROLES, round=number) for number in range(100))
ALONE = tuple(Cell(scenario="sink", roles=ROLES, round=number) for number in range(100))


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def make_deadline(seconds, costs, *, slowness=1.0, cells=(*SHARED, *ALONE)):
    clock = Clock()
    is_shared = SHARED[0].scenario.__eq__
    deadline = Deadline(
        seconds, cells, CellCosts(costs), 4, lambda cell: is_shared(cell.scenario), slowness, clock=clock
    )
    return deadline, clock


def last_moments(deadline, clock):
    """Return after how many seconds cells of either kind are no longer started."""
    found = []
    for cell in (SHARED[-1], ALONE[-1]):
        clock.now = 1000.0
        while not deadline.skip_reason(cell):
            clock.now += 0.5
        found.append(clock.now - 1000)
    return found


def test_without_enough_time_each_kind_has_its_share():
    """Four lanes: 100 cells of 4 s are 100 s, as many as those of the others."""
    shared, alone = last_moments(*make_deadline(40, {SHARED[0].scenario: 4.0, "sink": 1.0}))
    assert alone == pytest.approx(39.5, abs=0.5)
    assert shared == pytest.approx(alone / 2, abs=0.5)


def test_with_enough_time_those_that_run_alone_keep_theirs():
    """What they need is left for them, and no more."""
    shared, alone = last_moments(*make_deadline(200, {SHARED[0].scenario: 1.0, "sink": 0.5}))
    assert alone - shared == pytest.approx(50, abs=1)


def test_cells_that_nobody_knows_have_a_guess():
    assert CellCosts({}).expect(SHARED[0]) == GUESS


def test_a_busy_machine_needs_more_time_for_reports():
    """But never more than a part of the whole."""
    costs = {SHARED[0].scenario: 1.0, "sink": 1.0}
    assert last_moments(*make_deadline(40, costs, slowness=4.0))[1] == pytest.approx(38, abs=0.5)
    assert last_moments(*make_deadline(40, costs, slowness=100.0))[1] == pytest.approx(24, abs=0.5)


def test_the_reason_names_the_budget():
    deadline, clock = make_deadline(40, {})
    clock.now += 41
    assert deadline.skip_reason(ALONE[0]) == deadline.cut_off.reason == "stopped after the budget of 40 s"
    assert deadline.left < 0


def test_the_first_row_of_each_family_has_its_time():
    """Ten families of cells that run alone need 20 s of 38: the others do not get more than the rest."""
    few = tuple(Cell(scenario=f"load{number}", roles=ROLES, round=0) for number in range(10))
    costs = {SHARED[0].scenario: 40.0} | {cell.scenario: 2.0 for cell in few}
    shared, alone = last_moments(*make_deadline(40, costs, cells=(*SHARED, *few)))
    assert alone - shared >= 19


def test_the_first_row_of_a_family_may_take_half_of_the_time():
    """Where no cost is known, and the share of those that run side by side is small."""
    few = tuple(Cell(scenario=f"load{number}", roles=ROLES, round=0) for number in range(100))
    deadline, clock = make_deadline(40, {}, cells=(*SHARED, *few))
    clock.now += 18
    assert deadline.skip_reason(SHARED[0]) == ""
    assert deadline.skip_reason(SHARED[1])
    clock.now += 3
    assert deadline.skip_reason(SHARED[0])
    assert deadline.skip_reason(few[0]) == ""
