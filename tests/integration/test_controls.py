"""A control shows nothing: the same loop under another name is asyncio, whatever asyncio itself is known to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_LOOPS = """
import asyncio
import selectors
import uvloop


class Loop(asyncio.SelectorEventLoop):
    pass


def choose_loop():
    return uvloop.new_event_loop()


class Capped(selectors.DefaultSelector):
    def select(self, timeout=None):
        return super().select(0.001 if timeout is None else min(timeout, 0.001))


def self_waking():
    return asyncio.SelectorEventLoop(Capped())


def new_event_loop():
    return asyncio.SelectorEventLoop()
"""
_KNOWN_OF_ASYNCIO = (
    "stream.bytes-before-reset",
    "listener.out-of-fds",
    "shutdown.exit-nobody-awaits",
    "shutdown.failure-nobody-awaits",
    "offload.stop-iteration",
    "group.cancel-after-failure",
)
"""Questions to which asyncio gives an answer that is listed as known, on some Python at least."""


def _harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "harness.cli", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    """A folder with a module of loops, which is importable in what is started there."""
    (tmp_path / "somebodys.py").write_text(_LOOPS)
    return tmp_path


def test_the_same_loop_under_another_name_shows_nothing(folder):
    """It inherits what is known of asyncio; nothing that asyncio does as well is charged to it."""
    scenarios = [argument for name in _KNOWN_OF_ASYNCIO for argument in ("-s", name)]
    loops = ("-b", "asyncio", "-b", "asyncio:loop=somebodys:Loop")
    done = _harness(folder, "matrix", *loops, *scenarios, "--preset", "quick", "--json", "report.json")
    assert done.returncode == 0, done.stdout + done.stderr
    findings = json.loads((folder / "report.json").read_text())["findings"]
    assert [finding["title"] for finding in findings if not finding["known"] and finding["kind"] != "stalled"] == []
    assert any("asyncio:loop=somebodys:Loop" in finding["backends"] for finding in findings)


def test_what_a_factory_returns_is_what_was_asked_for(folder):
    """Also a loop of another module; the report names its class."""
    done = _harness(folder, "matrix", "-b", "asyncio:loop=somebodys:choose_loop", "-s", "cancel.cleanup-waits")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "asyncio:loop=somebodys:choose_loop ran on uvloop.Loop" in " ".join(done.stdout.split())


def test_a_module_that_falls_back_to_the_stock_loop_is_another_backend(folder):
    """Who names a package wants its loop, and not that of asyncio."""
    done = _harness(folder, "run", "-b", "asyncio:loop=somebodys", "-s", "cancel.cleanup-waits", "-q")
    assert done.returncode == 1
    assert "WRONG BACKEND" in done.stdout


def test_a_loop_that_wakes_up_by_itself_is_interrupted_like_any_other(folder):
    """It never comes to rest, and gets its Ctrl-C all the same."""
    loop = "asyncio:loop=somebodys:self_waking"
    when = ("--param", "when=everybody waits")
    done = _harness(folder, "run", "-b", loop, "-s", "shutdown.interrupt", *when, "--preset", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the main thread was" in done.stdout
    assert "hung" not in done.stdout


def test_signals_that_a_shell_ignores_for_its_background_jobs_are_no_finding(folder):
    """A cell and its children start with the default dispositions, wherever the program was started from."""

    def ignore_signals() -> None:
        for number in (signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    command = [sys.executable, "-P", "-m", "harness.cli", "run", "-b", "asyncio", "-s", "process.signals-of-a-child"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=100, check=False, preexec_fn=ignore_signals
    )
    assert done.returncode == 0, done.stdout + done.stderr
