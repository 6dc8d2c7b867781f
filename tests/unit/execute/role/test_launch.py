"""The command that a process is started with, and who is to blame when no worker comes of it."""

import os
import subprocess
import sys

import pytest

from harness.execute.role.launch import PLAIN, ExecutorError, Launch, make_launch
from harness.model import LOCAL, BackendSpec, Cell, Executor, Outcome, RoleBackend, UserInterrupt

CELL = Cell(scenario="s", roles=(RoleBackend("main", BackendSpec("trio")),))


def launch(wrap):
    return Launch(Executor(name="mine", summary="", wrap=wrap))


@pytest.mark.parametrize("wrap", [LOCAL.wrap, lambda command, _role: ("env", "X=1", *command)])
def test_a_process_is_started(wrap):
    """With the command as it was wrapped, the options of Popen, and the pid that the command then has."""
    command = [sys.executable, "-S", "-c", "import os; print(os.getpid(), os.environ.get('X'))"]
    with launch(wrap).start(command, "main", stdout=subprocess.PIPE, env={"X": "0", "PATH": os.defpath}) as process:
        said, _ = process.communicate(timeout=60)
    assert said.split() == [str(process.pid).encode(), b"0" if wrap is LOCAL.wrap else b"1"]


def test_what_an_executor_is_told():
    """The command as a tuple, and the role."""
    told = []
    with pytest.raises(ExecutorError):
        launch(lambda *what: told.append(what)).start(["python", "-m"], "server")
    assert told == [(("python", "-m"), "server")]


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (None, "executor 'mine' returned no command: None"),
        ("nice python", "executor 'mine' returned no command: 'nice python'"),
        (b"nice", "executor 'mine' returned no command: b'nice'"),
        ((), r"executor 'mine' returned no command: \(\)"),
        (("nice", 5), "executor 'mine' returned a command with a word that is none: 5"),
        (("nice", "a\0b"), r"with a word that is none: 'a\\x00b'"),
        (("nice", "\ud800"), r"with a word that is none: '\\ud800'"),
        (("/no/such/program",), "executor 'mine' starts '/no/such/program', which cannot be run: No such file"),
        (("/",), "executor 'mine' starts '/', which cannot be run: Permission denied"),
    ],
)
def test_what_is_no_command(returned, complaint):
    """It says whose it is and what is wrong with it."""
    with pytest.raises(ExecutorError, match=complaint):
        launch(lambda *_: returned).start(["python"], "main")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no")])
def test_an_executor_that_raises(error):
    """Or exits: that is its error; who interrupts is not."""

    def wrap(*_):
        raise error

    with pytest.raises(ExecutorError, match=rf"executor 'mine' raised {type(error).__name__}: no"):
        launch(wrap).start(["python"], "main")


def test_an_interrupt_while_an_executor_is_asked():
    """That of the user ends the run; one that the executor raises by itself is its own error."""

    def wrap(*_):
        raise UserInterrupt

    with pytest.raises(UserInterrupt):
        launch(wrap).start(["python"], "main")

    def raising(*_):
        raise KeyboardInterrupt

    with pytest.raises(ExecutorError, match="raised KeyboardInterrupt"):
        launch(raising).start(["python"], "main")


def test_a_host_that_has_no_process_left(monkeypatch):
    """It is not the executor's doing."""

    def popen(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(BlockingIOError):
        launch(LOCAL.wrap).start(["python"], "main")


def test_an_interpreter_that_is_gone():
    """Without an executor there is none to blame."""
    with pytest.raises(FileNotFoundError):
        PLAIN.start(["/no/such/python"], "main")


def test_a_worker_that_is_another_process():
    """It is refused as soon as it says its pid; before that, and without an executor, nothing is."""
    mine = launch(LOCAL.wrap)
    assert mine.find_refusal(7, 0) is None
    assert mine.find_refusal(7, 7) is None
    outcome, reason = mine.find_refusal(7, 8)
    assert (outcome, reason.startswith("executor 'mine' does not exec")) == (Outcome.INVALID_ENV, True)
    assert PLAIN.find_refusal(7, 8) is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"unshare: not permitted\n", "executor 'mine' started no worker (exit code 1: unshare: not permitted)"),
        (b"", "executor 'mine' started no worker (exit code 1)"),
    ],
)
def test_no_worker(said, reason):
    """How it ended, and what it said; without an executor that is a crash."""
    assert launch(LOCAL.wrap).describe_failed_start("exit code 1", said) == (Outcome.INVALID_ENV, reason)
    assert PLAIN.describe_failed_start("exit code 1", said) is None


def test_an_executor_that_nobody_brings():
    """Its cell says so; the usual one is always there."""
    gone = Cell(scenario="s", roles=CELL.roles, executor="gone")
    with pytest.raises(ExecutorError, match="there is no executor 'gone'"):
        make_launch(gone, {LOCAL.name: LOCAL})
    assert make_launch(CELL, {LOCAL.name: LOCAL}).find_refusal(7, 8) is None
