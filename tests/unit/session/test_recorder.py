"""The recorder of a run: what is in the journal, who is told when, and what its footer proves."""

import pytest
from catalogue import catalogue

from harness.host.signals import INTERRUPTS
from harness.journal import JOURNAL_NAME, read_events, read_run
from harness.model import (
    CellFinished,
    CellProgressed,
    CellResult,
    CellStarted,
    HelperContinued,
    Outcome,
    Request,
    RunFinished,
    RunResumed,
    UsageError,
)
from harness.plan import make_plan
from harness.session.header import make_header
from harness.session.recorder import Recorder
from harness.session.run_so_far import RunSoFar

REQUEST = Request(scenarios=("guard",), backends=("alpha",), preset="quick")
PLAN = make_plan(REQUEST, catalogue())
(CELL,) = PLAN.cells
HEADER = make_header("r1", "2026-01-01T00:00:00+00:00", REQUEST, PLAN, catalogue(), {})
FINISHED = CellFinished(result=CellResult(cell_id=CELL.id, outcome=Outcome.COMPLETED))


class Listeners:
    """Plugins that note what they see, and what the journal had then."""

    def __init__(self, folder):
        self.seen = []
        self._journal = folder / JOURNAL_NAME

    def notify(self, event):
        """Note an event."""
        self.seen.append((type(event).__name__, len(self._journal.read_bytes().splitlines())))


@pytest.fixture
def listeners(tmp_path):
    """Return who listens to the run of the test."""
    return Listeners(tmp_path)


def recorder(folder, listeners, so_far=None):
    """Return the recorder of a run in a folder."""
    return Recorder(folder, listeners, so_far or RunSoFar(REQUEST))


def test_an_event_is_in_the_journal_before_anybody_is_told(tmp_path, listeners):
    """And the run so far has it; the footer counts what is there."""
    so_far = RunSoFar(REQUEST)
    with recorder(tmp_path, listeners, so_far) as made:
        made.publish(HEADER)
        made.publish(FINISHED)
        assert so_far.run.records[0].result == FINISHED.result
    assert listeners.seen == [("RunStarted", 1), ("CellFinished", 2), ("RunFinished", 3)]
    run = read_run(tmp_path)
    assert (run.complete, run.note, made.interrupted) == (True, "", False)


def test_a_heartbeat_is_told_and_not_stored(tmp_path, listeners):
    """It has its time all the same; so has a note about a helper process."""
    with recorder(tmp_path, listeners) as made:
        made.publish(HEADER)
        made.publish(HelperContinued(helper="the watcher"))
        made.publish(CellProgressed(cell_id=CELL.id, seconds=1.0, progress=3))
    assert {("CellProgressed", 1), ("HelperContinued", 1)} <= set(listeners.seen)
    assert [type(event).__name__ for event in read_events(tmp_path)] == ["RunStarted", "RunFinished"]


def test_each_event_has_its_time(tmp_path, listeners):
    """Of the run they never go back."""
    with recorder(tmp_path, listeners) as made:
        made.publish(HEADER)
        made.publish(CellStarted(cell_id=CELL.id, pids={}))
        made.publish(FINISHED)
    times = [event.when.elapsed for event in read_events(tmp_path)]
    assert times == sorted(times)
    assert times[0] >= 0


def test_an_interrupted_run_has_a_footer_that_says_so(tmp_path, listeners):
    """What was planned and not run is in the run."""

    def stage():
        yield CellStarted(cell_id=CELL.id, pids={})
        INTERRUPTS.request()
        try:
            yield CellProgressed(cell_id=CELL.id, seconds=0.1, progress=0)
        except KeyboardInterrupt:
            yield CellFinished(result=CellResult(cell_id=CELL.id, outcome=Outcome.INTERRUPTED))
            raise

    with recorder(tmp_path, listeners) as made:
        made.publish(HEADER)
        made.follow_all([stage()])
    assert made.interrupted
    run = read_run(tmp_path)
    assert (run.records[0].result.outcome, run.note) == (Outcome.INTERRUPTED, "the run was interrupted")


def test_a_run_that_fails_has_no_footer(tmp_path, listeners):
    """The error goes on, and a later harness may resume the journal: its lock is free."""

    def fail():
        with recorder(tmp_path, listeners) as made:
            made.publish(HEADER)
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        fail()
    assert read_run(tmp_path).note == "the run did not end: the journal has no footer"
    so_far = RunSoFar(REQUEST, read_events(tmp_path))
    with recorder(tmp_path, listeners, so_far) as made:
        made.publish(RunResumed(resumed_at="", cells=1))
        made.publish(FINISHED)
    assert read_run(tmp_path).complete
    *_, last = read_events(tmp_path)
    assert isinstance(last, RunFinished)


def test_a_journal_that_is_there_is_not_overwritten(tmp_path, listeners):
    """A new run has a new folder."""
    (tmp_path / JOURNAL_NAME).write_text("precious\n")
    with pytest.raises(UsageError, match="cannot create the journal"):
        recorder(tmp_path, listeners)
    assert (tmp_path / JOURNAL_NAME).read_text() == "precious\n"


def test_a_signal_while_it_is_open_is_kept(tmp_path, listeners):
    """Nothing is raised between a line of the journal and its being counted."""
    with recorder(tmp_path, listeners) as made:
        assert INTERRUPTS._depth == 1
        made.publish(HEADER)
    assert INTERRUPTS._depth == 0
