"""`harness show RUN --timeline`: the events of a stored run with their times."""

import pytest
from msgspec.structs import replace

from harness.cli.timeline import render_timeline
from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import (
    CellFinished,
    CellObserved,
    CellRetried,
    CellStarted,
    Moment,
    Observed,
    Outcome,
    RunCalibrated,
    RunExtended,
    RunFinished,
    RunResumed,
    Step,
)

from ..compare.run_builder import a_run, cell

RECORD = cell("trio", Outcome.HUNG, reason="no progress")
ID = RECORD.cell.id


def events():
    """Return one event of each kind, a second apart, from noon on."""
    started = a_run(RECORD).started
    happened = [
        started,
        CellStarted(cell_id=ID, pids={"main": 7}),
        CellObserved(cell_id=ID, observation=Observed(role="main", key="lost", value=None, at=0.1)),
        CellObserved(cell_id=ID, observation=Observed(role="main", key="table", value=[{"a": 1}], at=0.1)),
        CellObserved(cell_id=ID, observation=Step(role="main", actor="reader", what="waits\x1b[2J", at=0.2)),
        CellRetried(result=RECORD.result, attempt=1),
        CellFinished(result=RECORD.result),
        RunCalibrated(rows=()),
        RunExtended(cells=(RECORD.cell,)),
        RunResumed(resumed_at="", cells=2),
        RunFinished(finished_at="", events=1, cells=1, interrupted=True),
    ]
    noon = 12 * 3600.0
    return [replace(event, when=Moment(wall=noon + 1000 + at, elapsed=float(at))) for at, event in enumerate(happened)]


def test_each_event_is_a_line_with_its_times():
    """Seconds of the run, the wall clock, and what happened; no control character of a scenario gets through."""
    assert list(render_timeline(events())) == [
        "    0.000 s  12:16:40.000  run r1 starts: 1 cells",
        "    1.000 s  12:16:41.000  drain@trio#1 starts (pids: main 7)",
        "    2.000 s  12:16:42.000  drain@trio#1 main: lost = none",
        "    3.000 s  12:16:43.000  drain@trio#1 main: table = [{'a': 1}]",
        "    4.000 s  12:16:44.000  drain@trio#1 main/reader: waits[2J",
        "    5.000 s  12:16:45.000  drain@trio#1 attempt 1: hung: no progress; retried",
        "    6.000 s  12:16:46.000  drain@trio#1 hung: no progress",
        "    7.000 s  12:16:47.000  amount of work chosen for 0 rows",
        "    8.000 s  12:16:48.000  1 more cells planned",
        "    9.000 s  12:16:49.000  run resumes: 2 cells left",
        "   10.000 s  12:16:50.000  run ends, interrupted: 1 results",
    ]


def test_of_one_cell_only():
    """By a part of its id, as in `harness show RUN CELL`."""
    assert len(list(render_timeline(events(), "@trio"))) == 6
    assert list(render_timeline(events(), "@curio")) == []


def test_the_program_shows_it(harness, tmp_path):
    """From the journal."""
    folder = tmp_path / "runs" / "r1"
    folder.mkdir(parents=True)
    with JournalWriter(folder / JOURNAL_NAME) as journal:
        for event in events():
            journal.write(event)
    code, out, err = harness("show", "r1", "@trio", "--timeline", "--out", "runs")
    assert (code, err, len(out.splitlines())) == (0, "", 6)


@pytest.mark.parametrize("wall", [1e308, -1e308, 1e16, 1e12])
def test_a_time_that_is_none(wall):
    """In a journal from anywhere: it is left out, and no number has hundreds of digits."""
    (line,) = render_timeline([replace(events()[0], when=Moment(wall=wall, elapsed=1e308))])
    assert line == "   1e+308 s  (no time)     run r1 starts: 1 cells"
