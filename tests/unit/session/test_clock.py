"""The times of a run's events."""

import pytest

from harness.journal import RunAssembly
from harness.model import CellFinished, CellStarted, Moment, RunFinished, RunResumed
from harness.session.clock import RunClock

from ..compare.run_builder import a_run, cell


class Hands:
    """Clocks that stand where they are put."""

    wall = 1_000_000.0
    monotonic = 50.0

    def clock(self, before=None):
        """Return the clock of a run that starts now."""
        return RunClock(before, lambda: self.wall, lambda: self.monotonic)


def test_an_event_has_both_times():
    """Unix time, and the seconds of the run; the event itself stays as it was."""
    hands = Hands()
    clock = hands.clock()
    event = CellStarted(cell_id="a", pids={})
    assert clock.stamp(event).when == Moment(wall=1_000_000.0, elapsed=0.0)
    hands.wall, hands.monotonic = 1_000_002.5, 52.5
    assert clock.stamp(event).when == Moment(wall=1_000_002.5, elapsed=2.5)
    assert event.when is None


def test_the_seconds_of_a_run_never_go_back():
    """Also if the clock of the host does."""
    hands = Hands()
    clock = hands.clock()
    hands.wall, hands.monotonic = 900_000.0, 51.0
    assert clock.stamp(CellStarted(cell_id="a", pids={})).when == Moment(wall=900_000.0, elapsed=1.0)


def test_a_resumed_run_continues_where_it_stopped():
    """The time between is on the wall clock only."""
    clock = Hands().clock(Moment(wall=10.0, elapsed=7.0))
    assert clock.stamp(RunResumed(resumed_at="")).when == Moment(wall=1_000_000.0, elapsed=7.0)


@pytest.mark.parametrize("times", [(0.0, 1.0, 3.0), (None, None, None)])
def test_a_run_knows_its_times(times):
    """When a cell was started and finished, and when the last event was; nothing in a journal of 0.1."""
    began, ended, last = (None if at is None else Moment(wall=at, elapsed=at) for at in times)
    run = a_run(cell("trio"))
    (record,) = run.records
    assembly = RunAssembly(run.started)
    assembly.see(CellStarted(cell_id=record.cell.id, pids={}, when=began))
    assembly.see(CellFinished(result=record.result, when=ended))
    assembly.see(RunFinished(finished_at="", events=3, cells=1, when=last))
    found = assembly.run()
    assert (found.records[0].started, found.records[0].finished, found.last) == (began, ended, last)
