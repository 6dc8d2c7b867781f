"""Start the program as a user does, and see what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil

from harness.journal import JOURNAL_NAME, read_run
from harness.model import Observed, Step

DISTRIBUTION = str(Path(__file__).parent / "distribution")
STARTED = []
MARK = "HARNESS_RELIABILITY_MARK"
linux = sys.platform == "linux"


class Program:
    """A started program. All that descends from it carries its mark in the environment, unless it takes that away."""

    def __init__(self, *arguments, cwd, env=None, prefix=(), **streams):
        self.cwd = Path(cwd)
        self.mark = uuid.uuid4().hex
        self._said = b""
        environment = os.environ | {"NO_COLOR": "1", "PYTHONPATH": DISTRIBUTION, MARK: self.mark} | (env or {})
        command = [*prefix, sys.executable, "-P", "-m", "harness.cli", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        self.process = subprocess.Popen(command, cwd=cwd, env=environment, **pipes)
        STARTED.append(self)

    def end(self, timeout=60.0):
        """Return exit code, stdout and stderr; a negative code is the signal that ended it."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, (out or b"").decode(), (self._said + (err or b"")).decode()

    def said(self):
        """Return what it has written to stderr so far; `end` returns it as well."""
        os.set_blocking(self.process.stderr.fileno(), False)
        self._said += self.process.stderr.read() or b""
        os.set_blocking(self.process.stderr.fileno(), True)
        return self._said

    def signal(self, number):
        self.process.send_signal(number)

    def close(self):
        """End it, if a test has not."""
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.survivors()

    def journal(self):
        """Return the journal of its only run, when there is one."""
        return wait_for(lambda: next(self.cwd.glob(f".harness/runs/*/{JOURNAL_NAME}"), None))

    def wait_until_written(self, text, times=1):
        """Return the journal when a text is in it so often."""
        journal = self.journal()
        wait_for(lambda: journal.read_bytes().count(text) >= times)
        return journal

    def survivors(self):
        """Return what still runs of it, after it has had a moment to end."""
        deadline = time.monotonic() + 15
        while (left := self.marked()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def marked(self):
        """Return what runs of it: by its mark, and by the pids that its journals name."""
        named = {pid for journal in self.cwd.glob(f".harness/runs/*/{JOURNAL_NAME}") for pid in pids_of(journal)}
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get(MARK) == self.mark or process.pid in named
                if is_ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != self.process.pid:
                    found.append((process.pid, process.cmdline()[:6]))
            except (psutil.Error, OSError):
                continue
        return found


def run(*arguments, cwd, timeout=120.0, **more):
    """Run the program to its end; return exit code, stdout and stderr. Nothing of it may survive."""
    program = Program(*arguments, cwd=cwd, **more)
    ended = program.end(timeout)
    assert program.survivors() == []
    return ended


def wait_for(look, seconds=60.0):
    """Return what is looked for as soon as it is there."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
    return found


def pids_of(journal):
    """Return the pids of the workers and of what the cells say that they started."""
    for line in journal.read_bytes().split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event["type"] == "cell-started":
            yield from event["pids"].values()
        elif event["type"] == "cell-observed" and event["observation"].get("key") == "child":
            yield event["observation"]["value"]


def folder_of(cwd):
    """Return the folder of the only run."""
    (folder,) = (Path(cwd) / ".harness" / "runs").iterdir()
    return folder


def facts_of(run):
    """Return what a run (or the one of a folder) says of each cell, without what differs between runs: times, pids."""
    run = read_run(run) if isinstance(run, Path) else run
    return {
        record.cell.id: (record.result.outcome.value, *map(_timeless, record.observations)) for record in run.records
    }


def outcomes_of(folder):
    """Return the outcome of each cell."""
    return {record.cell.id: record.result.outcome.value for record in read_run(folder).records}


def _timeless(observation):
    match observation:
        case Observed(key="child", role=role):
            return role, "child"
        case Observed(key=key, value=value, role=role):
            return role, key, str(value)
        case Step(actor=actor, what=what, role=role):
            return role, actor, what


def finished_lines(journal):
    """Return the ids of the cells that the journal has the end of, from its whole lines."""
    lines = journal.read_bytes().split(b"\n")[:-1]
    events = map(json.loads, lines)
    return [event["result"]["cell_id"] for event in events if event["type"] == "cell-finished"]


HANG_UP, TERMINATE, INTERRUPT = signal.SIGHUP, signal.SIGTERM, signal.SIGINT
