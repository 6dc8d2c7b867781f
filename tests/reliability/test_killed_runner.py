"""SIGKILL of the runner at any moment: what had ended is stored, nothing runs on, and resume completes the rest."""

import os
import random
import signal
import time
from contextlib import suppress

import pytest

from harness.journal import read_run

from .program import Program, facts_of, finished_lines, folder_of, linux, run

SELECTION = ("-s", "faulty.steps", "-b", "trio", "-b", "threads", "--rounds", "2")
pytestmark = pytest.mark.skipif(not linux, reason="only Linux ends the children of a killed process")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The facts of a run that nobody disturbs, and how long it takes."""
    cwd = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    code, out, err = run("matrix", *SELECTION, "--jobs", "1", cwd=cwd)
    assert code == 0, out + err
    return facts_of(folder_of(cwd)), time.monotonic() - began


def kill_and_resume(cwd, undisturbed, moment, jobs):
    facts, _ = undisturbed
    program = Program("matrix", *SELECTION, "--jobs", jobs, cwd=cwd)
    journal = program.journal()
    time.sleep(moment)
    program.process.kill()
    program.end()
    assert program.survivors() == []
    if not journal.read_bytes().count(b"\n"):
        return  # before its first line: there is no plan yet, and nothing to lose
    stored, lines = facts_of(journal.parent), finished_lines(journal)
    assert {name: stored[name] for name in lines} == {name: facts[name] for name in lines}
    assert set(stored) == set(facts)
    code, out, err = run("resume", "--jobs", jobs, cwd=cwd)
    if len(lines) == len(facts):
        assert code == 2
        assert "every cell of it has its result" in err
        return
    assert code == 0, out + err
    assert read_run(journal.parent).complete
    assert facts_of(journal.parent) == facts


@pytest.mark.parametrize("number", range(5))
def test_a_runner_that_is_killed_at_a_random_moment(tmp_path, undisturbed, number):
    """Each finished cell is stored, no process survives, and a resumed run equals an undisturbed one."""
    share = (number + random.Random(number).random()) / 5  # one moment in each fifth of the run
    kill_and_resume(tmp_path, undisturbed, share * undisturbed[1] * 0.8, str(1 + number % 2))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_runner_that_is_killed_at_fifty_random_moments(tmp_path, undisturbed):
    """The same, at fifty moments of no order."""
    for number in range(50):
        cwd = tmp_path / str(number)
        cwd.mkdir()
        kill_and_resume(cwd, undisturbed, random.random() * undisturbed[1], str(1 + number % 2))


WARM = ("-s", "faulty.steps", "-b", "trio", "-b", "threads", "--rounds", "10", "--jobs", "2")
PARTS = {"runner": None, "lane": "harness.execute.lane", "warm parent": "--warm"}


def kill_part(cwd, part, moment):
    """Kill a part of a run whose cells are forked; return the program and its journal."""
    program = Program("matrix", *WARM, cwd=cwd)
    journal = program.journal()
    time.sleep(moment)
    sought = PARTS[part]
    found = [pid for pid, command in program.marked() if sought in " ".join(command)] if sought else []
    with suppress(ProcessLookupError):
        os.kill(random.choice(found) if found else program.process.pid, signal.SIGKILL)
    program.end()
    assert program.survivors() == []
    return program, journal


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_runner_lane_or_warm_parent_is_killed_at_fifty_random_moments(tmp_path):
    """Nothing survives, and whatever was stored is right; a killed parent or role of a warm one costs no cell."""
    for number in range(50):
        cwd = tmp_path / str(number)
        cwd.mkdir()
        part = list(PARTS)[number % len(PARTS)]
        program, journal = kill_part(cwd, part, random.random() * 2)
        if part == "runner" or program.process.returncode < 0:
            continue
        outcomes = [record.result.outcome for record in read_run(journal.parent).records]
        assert len(outcomes) == 20
        assert sum(outcome != "completed" for outcome in outcomes) <= (part == "lane")
