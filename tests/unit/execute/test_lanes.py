"""Cells side by side: each is reported, by whichever lane."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections import deque

import psutil
import pytest

from harness.execute import execute, lanes
from harness.host.signals import INTERRUPTS
from harness.model import BackendSpec, Cell, CellFinished, CellStarted, HelperContinued, Outcome, Plan, RoleBackend
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


def lane_of(event):
    """Return the process of the lane that runs a cell."""
    return psutil.Process(next(iter(event.pids.values()))).ppid()


def test_a_lane_that_is_stopped_goes_on(catalogue, tmp_path, monkeypatch):
    """The runner continues it; no cell is lost."""
    monkeypatch.setattr(lanes, "_STOPPED_SECONDS", 0.2)
    events, stopped = [], []
    for event in execute(Plan(cells=cells(3)), catalogue, tmp_path, lanes=2):
        events.append(event)
        if isinstance(event, CellStarted) and not stopped:
            stopped.append(lane_of(event))
            os.kill(stopped[0], signal.SIGSTOP)
    assert list(finished(events).values()) == [Outcome.COMPLETED] * 3
    assert "the lane of" in next(event.helper for event in events if isinstance(event, HelperContinued))


class Full:
    """A host that starts so many lanes and no further one."""

    def __init__(self, number):
        self._left = number
        self._start = lanes._Lane._start

    def __call__(self, lane):
        if not self._left:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        self._left -= 1
        self._start(lane)


@pytest.mark.parametrize(("number", "outcome"), [(1, Outcome.COMPLETED), (0, Outcome.INVALID_ENV)])
def test_a_lane_that_cannot_be_started(tmp_path, monkeypatch, number, outcome):
    """The others run its cells; without any, each cell has the reason."""
    full = Full(number)
    monkeypatch.setattr(lanes._Lane, "_start", lambda lane: full(lane))
    events = list(lanes.run_side_by_side(cells(3), tmp_path, 3))
    assert list(finished(events).values()) == [outcome] * 3
    reasons = {event.result.reason for event in events if isinstance(event, CellFinished)}
    assert all("this host cannot run it" in reason for reason in reasons) or reasons == {""}


def test_a_lane_that_sends_garbage(tmp_path, monkeypatch):
    """Its cell has the bytes, and the run goes on: the runner is not ended."""
    garbage = [sys.executable, "-c", "print('no event', flush=True); input(); input()"]
    made = lanes._Lane.__init__

    def make(lane, *arguments):
        made(lane, *arguments)
        lane._command = garbage

    monkeypatch.setattr(lanes._Lane, "__init__", make)
    events = list(lanes.run_side_by_side(cells(2), tmp_path, 1))
    assert list(finished(events).values()) == [Outcome.HARNESS_FAULT] * 2
    assert all("sent bytes that are no event: b'no event'" in event.result.reason for event in events)


def test_a_lane_that_stays_silent_is_replaced(tmp_path, monkeypatch):
    """Its cell has the reason, the others are run."""
    monkeypatch.setattr(lanes, "_STOPPED_SECONDS", 600)
    events, stopped = [], []
    for event in lanes.run_side_by_side(cells(2), tmp_path, 1):
        events.append(event)
        if isinstance(event, CellStarted) and not stopped:
            stopped.append(lane_of(event))
            os.kill(stopped[0], signal.SIGSTOP)
            monkeypatch.setattr(lanes, "_SILENT_SECONDS", 3)
        elif isinstance(event, CellFinished):
            monkeypatch.setattr(lanes, "_SILENT_SECONDS", 60)  # for the start of the next lane
    assert sorted(finished(events).values()) == [Outcome.COMPLETED, Outcome.HARNESS_FAULT]
    reasons = {event.result.reason for event in events if isinstance(event, CellFinished)} - {""}
    assert reasons == {"the lane of this cell was silent for 3 s and was killed"}
    assert not psutil.pid_exists(stopped[0])


def test_one_interrupt_ends_a_run_whose_lane_is_stopped(tmp_path, monkeypatch):
    """Without an event at which it could be seen."""
    monkeypatch.setattr(lanes, "_STOPPED_SECONDS", 600)
    stage = lanes.run_side_by_side(cells(2, repetitions=10_000_000), tmp_path, 1)
    events, began = [], time.monotonic()
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it is raised after the last event
        for event in stage:
            events.append(event)
            if isinstance(event, CellStarted):
                os.kill(lane_of(event), signal.SIGSTOP)
                INTERRUPTS.request()
    assert sorted(finished(events).values()) == [Outcome.INTERRUPTED, Outcome.NOT_RUN]
    assert time.monotonic() - began < 15


def test_a_lane_keeps_to_its_backends():
    """As long as one of them is among the next cells; else it takes the first, so that none waits for ever."""
    names = ("asyncio", "trio", "asyncio", *["trio"] * 40, "asyncio")
    waiting = deque(
        Cell(scenario=QUESTION, roles=(RoleBackend("main", BackendSpec(name)),), round=number)
        for number, name in enumerate(names)
    )
    taken = [lanes._take_alike(waiting, {"asyncio"}).round for _ in range(4)]
    assert taken == [0, 2, 1, 3]
    assert len(waiting) == len(names) - 4
