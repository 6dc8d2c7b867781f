"""Cells side by side: each is reported, by whichever lane."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from harness.execute import execute
from harness.model import BackendSpec, Cell, CellFinished, CellStarted, Outcome, Plan, RoleBackend
from harness.plugins import Plugins

QUESTION = "cancel.cleanup-waits"


@pytest.fixture(scope="module")
def catalogue():
    return Plugins().catalogue()


def cells(number, scenario=QUESTION, **parameters):
    roles = (RoleBackend("main", BackendSpec("asyncio")),)
    values = tuple(parameters.items())
    numbers = range(1, number + 1)
    return tuple(Cell(scenario=scenario, roles=roles, parameters=values, round=n, hang_after=5) for n in numbers)


def finished(events):
    return {event.result.cell_id: event.result.outcome for event in events if isinstance(event, CellFinished)}


def test_every_cell_is_finished_once(catalogue, tmp_path):
    """And those that may not run beside others come after."""
    plan = Plan(cells=(*cells(1, "channel"), *cells(5)))
    events = list(execute(plan, catalogue, tmp_path, lanes=2))
    assert finished(events) == {cell.id: Outcome.COMPLETED for cell in plan.cells}
    assert len([event for event in events if isinstance(event, CellFinished)]) == len(plan.cells)
    assert [event.cell_id for event in events if isinstance(event, CellStarted)][-1] == plan.cells[0].id


def test_an_interrupt_ends_the_running_cells_and_reports_the_others(catalogue, tmp_path):
    """Nothing is left of any lane."""
    plan = Plan(cells=cells(4, repetitions=10_000_000))
    stage = execute(plan, catalogue, tmp_path, lanes=2)
    events, workers = [], []
    for event in stage:
        events.append(event)
        if isinstance(event, CellStarted):
            workers += event.pids.values()
        if len(workers) == 2:
            break
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it is raised after the last event
        events.append(stage.throw(KeyboardInterrupt()))
        for event in stage:
            events.append(event)  # noqa: PERF402 - what came before it raises is kept
    assert sorted(finished(events)) == sorted(cell.id for cell in plan.cells)
    assert sorted(finished(events).values()) == [Outcome.INTERRUPTED] * 2 + [Outcome.NOT_RUN] * 2
    assert not [pid for pid in workers if psutil.pid_exists(pid)]


def test_a_lane_that_dies_costs_its_own_cell_only(catalogue, tmp_path):
    """It is our own fault, and another lane takes the place."""
    plan = Plan(cells=cells(4))
    stage = execute(plan, catalogue, tmp_path, lanes=2)
    events = []
    for event in stage:
        events.append(event)
        if isinstance(event, CellStarted) and len(events) == 1:
            lane = psutil.Process(next(iter(event.pids.values()))).ppid()
            assert lane != os.getpid()
            os.kill(lane, signal.SIGKILL)
    outcomes = finished(events)
    assert sorted(outcomes.values()) == [Outcome.COMPLETED] * 3 + [Outcome.HARNESS_FAULT]
