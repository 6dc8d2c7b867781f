"""What is written is what is read, and what is damaged is said."""

import errno
import os

import pytest

from harness.journal import JOURNAL_NAME, JournalWriter, RunStore, read_run
from harness.journal import write as full_disk
from harness.model import (
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellResult,
    CellStarted,
    JournalError,
    Observed,
    Outcome,
    Plan,
    Request,
    RoleBackend,
    RunFinished,
    RunResumed,
    RunStarted,
    SkippedCell,
    Step,
    UsageError,
)
from harness.wire import encode_line


def cell(name):
    return Cell(scenario=name, roles=(RoleBackend("main", BackendSpec("trio")),))


ONE, TWO, LACKING = cell("one"), cell("two"), cell("lacking")
SEEN = Observed(role="main", key="items lost", value=0, at=0.1)
STEP = Step(role="main", actor="reader", what="woke", at=0.2)
STARTED = RunStarted(
    run_id="r",
    started_at="2026-01-01T00:00:00+00:00",
    request=Request(),
    plan=Plan(cells=(ONE, TWO), skipped=(SkippedCell(cell=LACKING, reason="no shield"),)),
    scenarios=(),
    backends=(),
)
EVENTS = [
    STARTED,
    CellFinished(result=CellResult(cell_id=LACKING.id, outcome=Outcome.UNSUPPORTED, reason="no shield")),
    CellStarted(cell_id=ONE.id, pids={"main": 1}),
    CellObserved(cell_id=ONE.id, observation=SEEN),
    CellObserved(cell_id=ONE.id, observation=STEP),
    CellFinished(result=CellResult(cell_id=ONE.id, outcome=Outcome.COMPLETED)),
    CellFinished(result=CellResult(cell_id=TWO.id, outcome=Outcome.HUNG, reason="idle")),
]
FOOTER = RunFinished(finished_at="", events=len(EVENTS), cells=3)


@pytest.fixture
def folder(tmp_path):
    with JournalWriter(tmp_path / JOURNAL_NAME) as journal:
        for event in (*EVENTS, FOOTER):
            journal.write(event)
    return tmp_path


def outcomes(run):
    return {record.cell.scenario: record.result.outcome for record in run.records}


def test_a_whole_journal(folder):
    """Every planned cell has its record, with what was observed in order."""
    run = read_run(folder)
    assert (run.complete, run.note) == (True, "")
    assert outcomes(run) == {"lacking": "unsupported", "one": "completed", "two": "hung"}
    assert [record.observations for record in run.records if record.cell == ONE] == [(SEEN, STEP)]


def test_cut_anywhere(folder):
    """A journal cut at any byte after its first line is read as far as it goes, and never invents anything."""
    path = folder / JOURNAL_NAME
    whole = path.read_bytes()
    for size in range(len(encode_line(STARTED)), len(whole)):
        path.write_bytes(whole[:size])
        run = read_run(folder)
        assert not run.complete
        assert run.note
        assert set(outcomes(run).values()) <= {"unsupported", "completed", "hung", "not run"}
        assert len(run.records) == 3


def test_a_flipped_byte(folder):
    """What follows a damaged line is left out, and the line is named."""
    path = folder / JOURNAL_NAME
    lines = path.read_bytes().split(b"\n")
    lines[5] = lines[5].replace(b":", b";", 1)
    path.write_bytes(b"\n".join(lines))
    run = read_run(folder)
    assert run.note.startswith("line 6 cannot be read")
    assert outcomes(run)["one"] == "not run"


def test_cells_without_a_result_say_why(tmp_path):
    """Killed while one ran: that one had begun, the next had not. Interrupted: said as such."""
    begun = [STARTED, CellStarted(cell_id=ONE.id, pids={"main": 1})]
    footer = RunFinished(finished_at="", events=2, cells=0, interrupted=True)
    for name, events, word in (("killed", begun, "journal ends"), ("stopped", [*begun, footer], "run was interrupted")):
        (tmp_path / name).write_bytes(b"".join(map(encode_line, events)))
        run = read_run(tmp_path / name)
        assert {record.cell.scenario: record.result.reason for record in run.records} == {
            "lacking": f"the {word} before this cell",
            "one": f"the {word} before the end of this cell",
            "two": f"the {word} before this cell",
        }
    assert run.note == "the run was interrupted"


def test_a_lost_line_is_noticed_by_the_footer(folder):
    """The counts of the footer prove completeness."""
    path = folder / JOURNAL_NAME
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:3] + lines[4:]))
    assert "the footer counts 7 events" in read_run(folder).note


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 is not the start of a journal"),
        (b"hello\n", "line 1 is not the start of a journal"),
        (b'{"type":"cell-started","format":1}\n', "line 1 is not the start of a journal"),
        (b'{"type":"run-started","format":99}\n', "format 99, this harness reads up to 1"),
        (b'{"type":"run-started","format":1}\n', "line 1: Object missing required field"),
        (b'{"type":"run-started","x":' + b"[" * 100_000 + b"\n", "line 1 is not the start of a journal"),
        (b"\xff\xfe\x00\n", "line 1 is not the start of a journal"),
    ],
)
def test_a_foreign_file(tmp_path, content, message):
    """One clear line that names the file."""
    (tmp_path / JOURNAL_NAME).write_bytes(content)
    with pytest.raises(JournalError) as error:
        read_run(tmp_path)
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_no_journal(tmp_path):
    """A folder without one."""
    with pytest.raises(JournalError, match="cannot read the journal"):
        read_run(tmp_path)


def test_a_journal_is_never_overwritten(folder):
    """Facts are only added."""
    with pytest.raises(UsageError, match="cannot create the journal"):
        JournalWriter(folder / JOURNAL_NAME)


def test_a_full_disk_is_the_users_problem(tmp_path, monkeypatch):
    """/dev/full answers each write with ENOSPC."""
    writer = JournalWriter(tmp_path / JOURNAL_NAME)
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    monkeypatch.setattr(full_disk, "_write_all", lambda _file, data: full.write(data))
    with full, pytest.raises(UsageError, match="No space left"), writer:
        writer.write(STARTED)
    assert errno.ENOSPC


def test_the_store_finds_runs(tmp_path):
    """By id, by a unique beginning, by `latest`, by path."""
    store = RunStore(tmp_path / "runs")
    first, second = store.create(), store.create()
    for folder in (first, second):
        (folder / JOURNAL_NAME).touch()
    assert first != second
    os.utime(first / JOURNAL_NAME, ns=(0, 1))
    os.utime(second / JOURNAL_NAME, ns=(0, 2))
    if first.name[:15] == second.name[:15]:
        assert store.find("latest") == second
    assert store.find(first.name) == first
    assert store.find(str(second)) == second
    with pytest.raises(JournalError, match="cannot tell which run '2'"):
        store.find("2")
    with pytest.raises(JournalError, match="cannot find the run 'x'; the last one is"):
        store.find("x")


def test_the_latest_of_one_second(tmp_path):
    """Two runs in a second: the one written last, whatever the random ends of their names."""
    for name, written in (("20260101-000000-ffff", 1), ("20260101-000000-0000", 2), ("20251231-235959-aaaa", 3)):
        (tmp_path / name).mkdir()
        (tmp_path / name / JOURNAL_NAME).touch()
        os.utime(tmp_path / name / JOURNAL_NAME, ns=(0, written))
    assert [path.name[-4:] for path in RunStore(tmp_path).runs()] == ["aaaa", "ffff", "0000"]


def test_a_name_that_no_file_can_have(tmp_path):
    """Is said to be one."""
    with pytest.raises(JournalError, match="cannot look for the run"):
        RunStore(tmp_path).find("x" * 300)


def test_a_store_that_cannot_be_written(tmp_path):
    """A file in the place of the folder."""
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError, match="cannot write to"):
        RunStore(tmp_path / "runs").create()


def test_a_run_that_was_extended(tmp_path):
    """Cells that were planned later are planned cells: each has a record, also if it did not come to it."""
    from harness.model import RunExtended

    three, four = cell("three"), cell("four")
    events = [
        *EVENTS,
        RunExtended(cells=(three, four), skipped=(SkippedCell(cell=cell("five"), reason="no shield"),)),
        CellFinished(result=CellResult(cell_id=three.id, outcome=Outcome.COMPLETED)),
    ]
    with JournalWriter(tmp_path / JOURNAL_NAME) as journal:
        for event in events:
            journal.write(event)
    run = read_run(tmp_path)
    assert run.started.plan.cells == (ONE, TWO, three, four)
    outcomes = {record.cell.scenario: record.result.outcome for record in run.records}
    assert outcomes["three"] is Outcome.COMPLETED
    assert outcomes["four"] is outcomes["five"] is Outcome.NOT_RUN


def test_a_journal_that_was_cut_off_is_gone_on_with(tmp_path):
    """Half a line is cut off; the counts of the footer hold for the whole."""
    path = tmp_path / JOURNAL_NAME
    with JournalWriter(path) as journal:
        for event in EVENTS[:5]:
            journal.write(event)
    with path.open("ab") as file:
        file.write(encode_line(EVENTS[5])[:20])
    with JournalWriter(path, is_resumed=True) as journal:
        assert (journal.events, journal.cells) == (5, 1)
        for event in (RunResumed(resumed_at=""), EVENTS[2], EVENTS[3], *EVENTS[5:]):
            journal.write(event)
        journal.write(RunFinished(finished_at="", events=journal.events, cells=journal.cells))
    run = read_run(tmp_path)
    assert (run.complete, run.note) == (True, "")
    one = next(record for record in run.records if record.cell == ONE)
    assert (one.result.outcome, one.observations) == (Outcome.COMPLETED, (SEEN,))


def test_the_footer_of_an_interrupted_run_does_not_count_for_its_resumption(tmp_path):
    """A resumed run that is cut off has no footer again."""
    path = tmp_path / JOURNAL_NAME
    with JournalWriter(path) as journal:
        for event in (*EVENTS[:2], RunFinished(finished_at="", events=2, cells=1, interrupted=True)):
            journal.write(event)
        journal.write(RunResumed(resumed_at=""))
    assert read_run(tmp_path).note == "the run did not end: the journal has no footer"


def test_a_journal_that_is_not_there_is_not_gone_on_with(tmp_path):
    """It is said which."""
    with pytest.raises(UsageError, match="cannot go on with the journal"):
        JournalWriter(tmp_path / JOURNAL_NAME, is_resumed=True)
