"""Ctrl-C, SIGTERM, a hang-up, a reader that goes away: the run ends whole, nothing runs on, it says how to go on."""

import os
import pty
import signal
import time

import pytest

from harness.journal import read_run

from .program import Program, finished_lines, outcomes_of, wait_for

WAITING = ("matrix", "-s", "faulty.waits", "-b", "trio", "-b", "threads")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def is_whole(journal, *outcomes):
    """Say whether a run was ended as an interrupted one, with its footer."""
    found = read_run(journal.parent)
    assert found.note == "the run was interrupted"
    assert tuple(record.result.outcome for record in found.records) == outcomes


@pytest.mark.parametrize("number", SIGNALS)
def test_one_signal_ends_the_run_whole(tmp_path, number):
    """The running cell is ended and reported, the others are named, the footer is written, and it says how to go on."""
    program = Program(*WAITING, cwd=tmp_path)
    journal = program.wait_until_written(b'"observation"')
    program.signal(number)
    code, out, err = program.end()
    assert code == 128 + number, out + err
    is_whole(journal, "interrupted", "not run")
    assert f"to continue: harness resume {journal.parent.name}" in out
    assert "Traceback" not in out + err
    assert program.survivors() == []


def test_one_signal_ends_the_cells_of_all_lanes(tmp_path):
    """Each lane is told, and each running cell is reported."""
    program = Program(
        *(
            "matrix",
            "-s",
            "lock.re-entry",
            "-b",
            "trio",
            "-b",
            "threads",
            "-b",
            "asyncio",
            "--jobs",
            "2",
            "--timeout",
            "99",
        ),
        cwd=tmp_path,
    )
    journal = program.wait_until_written(b'"cell-started"', 2)
    program.signal(signal.SIGINT)
    code, out, err = program.end()
    assert code == 130, out + err
    found = read_run(journal.parent)
    assert found.note == "the run was interrupted"
    assert "harness fault" not in {record.result.outcome for record in found.records}
    assert program.survivors() == []


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_the_second_signal_kills_at_once(tmp_path, numbers):
    """No grace for a cell that holds on, no process survives, what had ended is stored; resume knows the rest."""
    program = Program("matrix", "-s", "faulty.holds-on", "-s", "faulty.steps", "-b", "trio", cwd=tmp_path)
    journal = program.wait_until_written(b'"cell_id":"faulty.holds-on@trio#1","observation"')
    program.signal(numbers[0])
    time.sleep(0.3)  # it is now in the grace of a second that a cell has
    assert program.process.poll() is None
    program.signal(numbers[1])
    code, _, err = program.end()
    assert code == 128 + numbers[1]
    assert "to continue: harness resume" in err
    assert program.survivors() == []
    found = read_run(journal.parent)
    assert not found.complete
    ended = "completed" if finished_lines(journal) else "not run"
    assert outcomes_of(journal.parent) == {"faulty.steps@trio#1": ended, "faulty.holds-on@trio#1": "not run"}


def test_a_signal_that_is_told_twice_is_one(tmp_path):
    """`timeout` signals its child and then its group; that is not the second signal of an impatient user."""
    program = Program(*WAITING, cwd=tmp_path)
    journal = program.wait_until_written(b'"observation"')
    program.signal(signal.SIGTERM)
    time.sleep(0.05)
    program.signal(signal.SIGTERM)
    assert program.end()[0] == 128 + signal.SIGTERM
    is_whole(journal, "interrupted", "not run")


def test_a_signal_while_a_cell_is_being_ended(tmp_path):
    """It waits until the cell is ended and stored; the next cells are not run."""
    program = Program("matrix", "-s", "faulty.stopped", "-b", "trio", "-b", "threads", cwd=tmp_path)
    journal = program.wait_until_written(b'"observation"')
    time.sleep(1.5)  # hung after a second; then it is looked at and killed, which takes more than one
    program.signal(signal.SIGINT)
    assert program.end()[0] == 130
    is_whole(journal, "hung", "not run")
    assert program.survivors() == []


def test_a_reader_of_the_report_that_goes_away(tmp_path):
    """`harness matrix | head -1`: the run and its page are there, the exit code is the run's, and nothing complains."""
    program = Program("matrix", "-s", "faulty.steps", "-b", "trio", cwd=tmp_path)
    program.process.stdout.close()
    program.process.stdout = None
    code, _, err = program.end()
    assert code == 0
    assert "Traceback" not in err
    assert "rror" not in err
    folder = program.journal().parent
    assert read_run(folder).complete
    assert (folder / "report.html").exists()


def test_a_reader_of_the_progress_that_goes_away(tmp_path):
    """`harness matrix 2>&1 | head -1`: it is an interrupt, so that the run ends whole."""
    reader, writer = os.pipe()
    program = Program(
        *("matrix", "-s", "faulty.killed", "-s", "faulty.waits", "-b", "trio"),
        cwd=tmp_path,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    os.close(reader)
    code, _, _ = program.end()
    assert code == 130
    found = read_run(program.journal().parent)
    assert found.note == "the run was interrupted"
    assert program.survivors() == []


def test_a_terminal_that_is_closed(tmp_path):
    """The kernel hangs up on the program, which can print nowhere any more: the run ends whole."""
    pid, master = pty.fork()
    if pid == 0:  # its own session, with the terminal as the controlling one
        os.environ["PYTHONPATH"] = str(os.path.dirname(__file__)) + "/distribution"
        os.chdir(tmp_path)
        os.execvp(os.sys.executable, [os.sys.executable, "-P", "-m", "harness.cli", *WAITING])
    journal = wait_for(lambda: next(tmp_path.glob(".harness/runs/*/journal.jsonl"), None))
    wait_for(lambda: b'"observation"' in journal.read_bytes())
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGHUP
    is_whole(journal, "interrupted", "not run")
    assert (journal.parent / "report.html").exists()


def test_a_hang_up_under_nohup_is_no_reason_to_end(tmp_path):
    """It stays ignored."""
    program = Program("matrix", "-s", "faulty.ticks", "-b", "trio", cwd=tmp_path, prefix=("nohup",))
    program.wait_until_written(b'"observation"')
    program.signal(signal.SIGHUP)
    assert program.end()[0] == 0


def test_an_output_that_cannot_be_written(tmp_path):
    """`> full-disk/file`: one line says so, and the run is stored."""
    with open("/dev/full", "wb") as full:
        program = Program("matrix", "-s", "faulty.steps", "-b", "trio", cwd=tmp_path, stdout=full)
        code, _, err = program.end()
    assert code == 2
    assert "cannot write: No space left on device" in err
    assert "Traceback" not in err
    assert read_run(program.journal().parent).complete


def test_a_runner_that_is_suspended_and_goes_on(tmp_path):
    """Ctrl-Z for longer than a cell may be without progress: a cell that went on meanwhile is not called hung."""
    program = Program("matrix", "-s", "faulty.ticks", "-b", "trio", cwd=tmp_path)
    journal = program.wait_until_written(b'"observation"')
    program.signal(signal.SIGSTOP)
    time.sleep(2.5)
    program.signal(signal.SIGCONT)
    code, out, err = program.end()
    assert code == 0, out + err
    assert set(outcomes_of(journal.parent).values()) == {"completed"}
