"""What a worker can do to itself and to its pipe: the outcome says it, its neighbours are untouched, nothing stays."""

import re

import pytest

from harness.journal import read_run

from .program import folder_of, linux, run

EXPECTED = {
    "stopped": ("hung", "no progress"),
    "killed": ("crashed", "SIGKILL without a result"),
    "closes-its-pipe": ("crashed", "without a result"),
    "not-utf8": ("crashed", "report pipe"),
    "nested": ("crashed", "report pipe"),
    "endless-line": ("crashed", "report pipe"),
    "steps": ("completed", ""),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What became of each, by name."""
    from harness.journal import read_run

    cwd = tmp_path_factory.mktemp("workers")
    selection = [argument for name in EXPECTED for argument in ("-s", f"faulty.{name}")]
    code, out, err = run("matrix", *selection, "-b", "asyncio", cwd=cwd)
    assert code == 1, out + err
    found = read_run(folder_of(cwd))
    assert found.complete
    return {record.cell.scenario: record for record in found.records}


@pytest.mark.skipif(not linux, reason="finds its pipe in /proc")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_worker_that_goes_wrong(results, name):
    """What it observed before is kept; no process of it survived, or the fixture had failed."""
    outcome, reason = EXPECTED[name]
    record = results[f"faulty.{name}"]
    assert record.result.outcome == outcome, record.result.reason
    assert re.search(reason, record.result.reason)
    assert "steps" in {getattr(seen, "key", "") for seen in record.observations}
    assert record.result.roles[0].survivors == ()


def test_a_driver_of_the_question_that_is_stuck_is_no_hang_of_the_runtime(tmp_path):
    """It says what the driver does; no backend is charged, and it is our own fault."""
    code, out, err = run("matrix", "-s", "faulty.driver-stuck", "-b", "asyncio", "-b", "trio", cwd=tmp_path)
    assert code == 4, out + err
    said = " ".join(out.split())
    assert "inconclusive: what drives the question is stuck: waits for the right moment" in said
    assert "HANG" not in out


def test_a_stuck_cell_at_a_short_time_limit_is_a_hang(tmp_path):
    """Progress means that the counter moved within the window: it did not, so there are stacks and a diagnosis."""
    code, out, err = run("run", "-s", "faulty.waits", "-b", "trio", "--timeout", "8", cwd=tmp_path)
    assert code == 1, out + err
    assert "HANG  faulty.waits on trio" in out
    assert "waits for event in" in " ".join(out.split())
    assert "still made progress" not in out


def test_a_daemon_that_floods_the_output_of_its_cell(tmp_path):
    """It is a leftover by name, although it would end by itself when nothing reads it any more."""
    code, out, err = run("matrix", "-s", "faulty.leaves-a-flood", "-b", "trio", cwd=tmp_path)
    assert code == 1, out + err
    (record,) = read_run(folder_of(tmp_path)).records
    assert [name.split()[1] for role in record.result.roles for name in role.escaped] != []
    assert "leaves processes behind" in out
