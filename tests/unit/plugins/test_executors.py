"""The executors that come with harness, and how a run is kept to the one that it names."""

import os
import subprocess
import sys

import pytest
from catalogue import catalogue

from harness.journal import JOURNAL_NAME, JournalWriter
from harness.model import BackendSpec, Cell, Plan, Request, RoleBackend, RunStarted, UsageError
from harness.plugins import Plugins
from harness.plugins.executors import harness_executors
from harness.session import resume_session, run_session

LOCAL, NICE = harness_executors()


def test_local_changes_nothing():
    """It is what a run has that names none."""
    assert (Request().executor, LOCAL.wrap(("python", "-m"), "main")) == (LOCAL.name, ("python", "-m"))


def test_nice_gives_way():
    """The process has the pid that was started, and the niceness."""
    own = os.nice(0)
    command = NICE.wrap((sys.executable, "-S", "-c", "import os; print(os.getpid(), os.nice(0))"), "main")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        pid, niceness = map(int, process.communicate(timeout=60)[0].split())
    assert (pid, niceness) == (process.pid, min(own + 10, 19))


def test_a_host_without_nice(monkeypatch):
    """It says what to install."""
    assert NICE.find_problem() == ""
    monkeypatch.setenv("PATH", "")
    assert "coreutils" in NICE.find_problem()


def test_they_are_brought_as_those_of_others_are():
    """By an entry point, whose plugin is listed with them."""
    (brought,) = [report for report in Plugins().catalogue().plugins if report.name == "executors"]
    assert (brought.executors, brought.error) == (("local", "nice"), "")


def test_a_run_with_one_that_is_not_there(tmp_path):
    """It does not begin."""
    with pytest.raises(UsageError, match="unknown executor 'gone'; there are local"):
        run_session(Request(executor="gone"), Plugins([]), catalogue(), None)


def test_a_run_is_not_resumed_without_its_executor(tmp_path):
    """Its cells would be other ones than those that are there."""
    cell = Cell(scenario="pipe", roles=(RoleBackend("main", BackendSpec("alpha")),), executor="gone")
    started = RunStarted(
        run_id="r",
        started_at="2026-01-01T00:00:00+00:00",
        request=Request(executor="gone"),
        plan=Plan(cells=(cell,)),
        scenarios=(),
        backends=(),
    )
    with JournalWriter(tmp_path / JOURNAL_NAME) as journal:
        journal.write(started)
    before = (tmp_path / JOURNAL_NAME).read_bytes()
    with pytest.raises(UsageError, match="unknown executor 'gone'"):
        resume_session(tmp_path, Plugins([]), catalogue())
    assert (tmp_path / JOURNAL_NAME).read_bytes() == before
