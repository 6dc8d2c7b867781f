"""An executor that starts nothing, or something else: its cells say so, no backend is charged, nothing stays."""

import re

import pytest

from harness.journal import read_run

from .program import folder_of, linux, run

BY = ("--executor", "faulty")
EXPECTED = {
    1: ("completed", ""),
    2: ("invalid environment", r"executor 'faulty' raised ValueError: planted"),
    3: ("invalid environment", r"executor 'faulty' returned no command: 7"),
    4: ("invalid environment", r"executor 'faulty' starts 'no-such-program', which cannot be run: No such file"),
    5: ("invalid environment", r"executor 'faulty' does not exec the command"),
    6: ("invalid environment", r"executor 'faulty' (does not exec|started no worker \(exit code 0\))"),
    7: ("invalid environment", r"executor 'faulty' started no worker \(exit code 3: no way\)"),
    8: ("invalid environment", r"executor 'faulty' started no worker \(it had to be ended\)"),
    9: ("invalid environment", r"executor 'faulty' (does not exec|started no worker \(exit code 0\))"),
}
"""Outcome and reason, by the number that the executor goes by."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Exit code, output and run of one cell for each; nothing of it survived, or this had failed."""
    cwd = tmp_path_factory.mktemp("executors")
    numbers = ",".join(map(str, EXPECTED))
    code, out, err = run("matrix", "-s", "faulty.steps", "-p", f"n={numbers}", "-b", "trio", *BY, cwd=cwd)
    return code, out + err, read_run(folder_of(cwd))


@pytest.mark.skipif(not linux, reason="setsid")
@pytest.mark.parametrize("number", EXPECTED)
def test_an_executor_that_goes_wrong(ended, number):
    """Each cell has its outcome and its reason; that of its healthy neighbour is not touched."""
    _, _, found = ended
    (result,) = [record.result for record in found.records if dict(record.cell.parameters).get("n", 1) == number]
    outcome, reason = EXPECTED[number]
    assert (str(result.outcome), bool(re.match(reason, result.reason))) == (outcome, True), result.reason
    assert [role.survivors for role in result.roles if role.survivors] == []


@pytest.mark.skipif(not linux, reason="setsid")
def test_a_run_with_such_an_executor(ended):
    """It is whole, says that something is wrong without a fault of ours, and moves no cursor of a terminal."""
    code, said, found = ended
    assert (code, found.complete) == (5, True), said
    assert "harness fault" not in said
    assert "\x1b" not in said


def test_one_role_that_cannot_be_started(tmp_path):
    """The other one, which runs by then, is ended with its cell."""
    selection = ("-s", "storm", "-p", "mode=burst", "-p", "connections=2")
    code, out, err = run("run", *selection, "-b", "trio", *BY, cwd=tmp_path)
    assert code == 5, out + err
    (record,) = read_run(folder_of(tmp_path)).records
    assert str(record.result.outcome) == "invalid environment"
    assert "executor 'faulty' raised ValueError" in record.result.reason


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("lacking", "executor 'lacking' cannot be used here: no moon"), ("fautly", "did you mean 'faulty'?")],
)
def test_an_executor_that_cannot_be_used(tmp_path, name, complaint):
    """That is said before anything runs."""
    for command in ("matrix", "plan"):
        code, out, err = run(command, "-s", "faulty.steps", "-b", "trio", "--executor", name, cwd=tmp_path)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert complaint in err
    assert not (tmp_path / ".harness").exists()
