"""SIGKILL of the runner at any moment: what had ended is stored, nothing runs on, and resume completes the rest."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from itertools import cycle, islice

import msgspec
import psutil
import pytest

from harness.journal import JOURNAL_NAME, read_run

from .program import Program, facts_of, finished_lines, folder_of, linux, outcomes_of, run

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
    if b'"run-finished"' in journal.read_bytes():
        return  # the kill came after the end of the run
    code, out, err = run("resume", "--jobs", jobs, cwd=cwd)
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


# --- a kill of any of our processes, three cells at a time ---

ALONGSIDE = ("matrix", "-s", "faulty.steps", "-b", "trio", "-b", "threads", "--rounds", "10", "--jobs", "3")
KILLS = 50
DIFFERING = frozenset(
    {
        *(
            "seconds",
            "at",
            "started",
            "finished",
            "pid",
            "cpu",
            "usage",
            "resources",
            "grown_bytes",
            "stalls",
            "autopsy",
        ),
        "is_forked",  # the rest of a run may be too short to be worth warm parents
    }
)
"""Fields with times, process ids and figures of the kernel, and how a process was started."""
_OF_VICTIM = ("crashed", "harness fault")


def records_of(folder):
    """Return each cell of a run with all its facts but those that differ from one undisturbed run to the next."""
    return {record.cell.id: _steady(msgspec.to_builtins(record)) for record in read_run(folder).records}


def _steady(value):
    match value:
        case {"key": "child"}:  # its value is a process id
            return "child"
        case dict():
            return {name: _steady(inner) for name, inner in value.items() if name not in DIFFERING}
        case list() | tuple():
            return [_steady(inner) for inner in value]
        case _:
            return value


def list_differences(one, other, path=""):
    """Yield the place and both values of each field that differs."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from list_differences(one.get(key), other.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from list_differences(*pair, f"{path}/{place}")
    elif one != other:
        yield path, one, other


def find_victim(program, kind):
    """Return a process of a run by what it does; nothing if there is none at the moment."""
    if kind == "runner":
        return psutil.Process(program.process.pid)
    module = {"lane": "harness.execute.lane", "worker": "harness.worker"}[kind]
    found = [psutil.Process(pid) for pid, words in program.marked() if module in words]
    return random.choice(found) if found else None


class HuntedRun:
    """A run, continued after each death of its runner, whose processes are killed at random moments."""

    def __init__(self, cwd, pause):
        cwd.mkdir()
        self.kills = Counter()
        self._cwd = cwd
        self._pause = pause
        self._ended = {}

    def hunt(self, kinds):
        """Kill one process of each kind after the other, until the run has ended."""
        program = Program(*ALONGSIDE, cwd=self._cwd)
        program.journal()
        while program.process.poll() is None:
            time.sleep(random.random() * self._pause)
            if (kind := next(kinds, None)) is None:
                program.end(600)
            elif self._kill(program, kind) and kind == "runner":
                program.end(60)
                assert program.survivors() == []
                self.check_stored()
                program = Program("resume", "--jobs", "3", cwd=self._cwd)
        _, out, err = program.end()
        assert program.survivors() == []
        assert "Traceback" not in out + err, out + err

    def _kill(self, program, kind):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            victim = find_victim(program, kind)
            if victim is not None and program.process.poll() is None:
                victim.kill()
                self.kills[kind] += 1
                return True
        return False

    def check_stored(self):
        """Each cell that has ended by now is stored, and stays as it was."""
        stored = records_of(folder_of(self._cwd)) if finished_lines(self._journal) else {}
        ended = {name: stored[name] for name in finished_lines(self._journal)}
        assert {name: ended[name] for name in self._ended} == self._ended, "a result was lost or changed"
        self._ended = ended

    def check_against(self, facts):
        """The whole run equals an undisturbed one, but for the cells of the victims, one for each of them at most."""
        self.check_stored()
        assert read_run(folder_of(self._cwd)).complete
        outcomes = outcomes_of(folder_of(self._cwd))
        assert outcomes.keys() == facts.keys() == set(self._ended)
        touched = {name for name, outcome in outcomes.items() if outcome in _OF_VICTIM}
        assert len(touched) <= self.kills["lane"] + self.kills["worker"]
        for name in facts.keys() - touched:
            assert list(list_differences(facts[name], self._ended[name])) == [], name

    @property
    def _journal(self):
        return folder_of(self._cwd) / JOURNAL_NAME


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_random_kills_of_runner_lane_and_worker(tmp_path):
    """Every cell that had ended is stored; resumed, the run equals an undisturbed one in all facts but times."""
    (tmp_path / "undisturbed").mkdir()
    began = time.monotonic()
    assert run(*ALONGSIDE, cwd=tmp_path / "undisturbed")[0] == 0
    pause = (time.monotonic() - began) / 4
    facts = records_of(folder_of(tmp_path / "undisturbed"))
    kills, runs, kinds = Counter(), 0, cycle(("runner", "lane", "worker"))
    while kills.total() < KILLS:
        hunted, runs = HuntedRun(tmp_path / str(runs), pause), runs + 1
        hunted.hunt(islice(kinds, KILLS - kills.total()))
        hunted.check_against(facts)
        kills += hunted.kills
    print(f"{kills.total()} kills ({dict(kills)}) in {runs} runs of {len(facts)} cells")
