"""Programs that a question starts, signals, times and looks at from outside, on the backend of its cell.

One interpreter is started for a cell; it has imported the runtime and nothing runs in it. It forks for each program, so
that a sweep of ten programs costs one start. A forked program runs in the main thread of its own process, and ends as
any interpreter does: what its function raises leaves it, threads are joined, `atexit` functions run.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.api import Launch, Probe, Runtime

_LOOK_AGAIN = 0.005
_START_SECONDS = 20.0
_END_SECONDS = 6.0
"""Seconds that an end may take that is under way. Reached only on a machine that does nothing else for as long."""
_REST_SECONDS = 0.3
"""A program that has used no CPU for so long, and is not ready to, waits for something."""
_REST_CPU_SECONDS = 0.002
_BUSY_CPU_SECONDS = 0.8
"""A program that has used so much CPU since it was to end goes on computing; an end takes a tenth of it."""
PID = "pid "
"""Prefix of the mark of a process that a program has started."""
READY = "ready"
"""The mark of a program that is where its question wants it."""


# --- in the program ---


def mark(text: str) -> None:
    """Write a line that the question sees, at once and past every buffer."""
    os.write(1, f"{text}\n".encode())


def block_on(gate: str) -> str:
    """Block until the question opens the gate, a named pipe; no signal and no cancellation reaches it."""
    with open(gate, "rb") as pipe:  # noqa: PTH123 - what blocks is the call itself
        pipe.read()
    return "the gate is open"


def serve(launch: Launch) -> None:
    """Fork a program for each request on stdin, until that ends; report each start and each end on stdout."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    running: dict[int, int] = {}
    while True:
        timeout = _LOOK_AGAIN if running else None
        if select.select([requests], [], [], timeout)[0]:
            line = requests.readline()
            if not line:
                break
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                requests.close()
                _become(request)
                module, _, name = request["function"].partition(":")
                getattr(import_module(module), name)(launch, *request["arguments"])
                return
            running[pid] = request["number"]
            _report(number=request["number"], pid=pid)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _report(number=running.pop(pid), code=os.waitstatus_to_exitcode(status))


def _become(request: dict[str, Any]) -> None:
    """Make a forked process a program of its own: its streams are files."""
    for fd, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["out"], os.O_WRONLY | os.O_APPEND),
        (2, request["err"], os.O_WRONLY | os.O_APPEND),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, fd)
        os.close(opened)


def _report(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


# --- in the question ---


class Program:
    """A program, seen from outside."""

    def __init__(self, runtime: Runtime, folder: Path, number: int, arguments: tuple[str, ...]) -> None:
        self._runtime = runtime
        self.arguments = arguments
        self.out = folder / f"{number}.out"
        self.err = folder / f"{number}.err"
        self.gate = folder / f"{number}.gate"
        self.number = number
        self.pid = 0
        self.code: int | None = None
        self.interrupts = 0
        for path in (self.out, self.err):
            path.touch()
        os.mkfifo(self.gate)

    # --- output ---
    def marks(self) -> list[str]:
        """Return its marks so far."""
        return self.out.read_text(encoding="utf-8", errors="replace").splitlines()

    def errors(self) -> str:
        """Return its output on stderr so far."""
        return self.err.read_text(encoding="utf-8", errors="replace")

    def status(self) -> str:
        """Return its exit status in words."""
        if self.code is None:
            return "no end"
        return f"exit {self.code}" if self.code >= 0 else signal.Signals(-self.code).name

    # --- state ---
    async def until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so of a program; return whether it came in time."""
        latest = time.monotonic() + seconds
        while not (so := is_so()) and time.monotonic() < latest:
            await self._runtime.sleep(_LOOK_AGAIN)
        return so

    async def until_ready(self, mark: str = READY) -> None:
        """Wait until it has made a mark, or has ended without it."""
        await self.until(lambda: mark in self.marks() or self.code is not None, _START_SECONDS)

    async def until_ended(self, seconds: float = _END_SECONDS) -> bool:
        """Wait until it has ended; return whether it has."""
        return await self.until(lambda: self.code is not None, seconds)

    async def until_ended_or_at_rest(self) -> bool:
        """Wait until it has ended, waits for something or computes on; return whether it has ended."""
        began, _ = _cpu_of(self.pid)
        since, used = time.monotonic(), began
        latest = time.monotonic() + _END_SECONDS
        while self.code is None and time.monotonic() < latest:
            if _state(self.pid) in ("", "Z", "X"):  # its end is only not reported yet
                return await self.until_ended(_START_SECONDS)
            now, is_ready = _cpu_of(self.pid)
            if is_ready or now - used > _REST_CPU_SECONDS:
                since, used = time.monotonic(), now
            if time.monotonic() - since > _REST_SECONDS or now - began > _BUSY_CPU_SECONDS:
                break
            await self._runtime.sleep(_LOOK_AGAIN)
        return self.code is not None

    async def has_ended(self) -> bool:
        """Wait until it has ended; return false only if it waits, or computes on, for longer than any end takes."""
        return await self.until_ended_or_at_rest() or await self.until_ended(_REST_SECONDS * 3)

    def computes(self) -> bool:
        """Return whether a thread of it computes now."""
        return self.code is None and _cpu_of(self.pid)[1]

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send it a signal."""
        self.interrupts += 1
        if self.code is None:
            os.kill(self.pid, number)

    def survivors(self) -> set[int]:
        """Return the processes that it has started, by their marks, and that run on."""
        started = {int(mark.removeprefix(PID)) for mark in self.marks() if mark.startswith(PID)}
        return {pid for pid in started - {self.pid} if _state(pid) not in ("", "Z", "X")}

    def open_gate(self) -> None:
        """Release every present and future open of the gate, on which the program blocks."""
        held = os.open(self.gate, os.O_RDWR | os.O_NONBLOCK)
        opened = self.gate.with_suffix(".open")
        opened.touch()
        opened.replace(self.gate)
        os.close(held)

    async def write_gate(self, text: str) -> None:
        """Write to its gate, which it reads to the end."""

        def is_open() -> bool:
            try:
                gate = os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nothing reads yet
                return False
            os.write(gate, text.encode())
            os.close(gate)
            return True

        await self.until(is_open, _START_SECONDS)

    def kill(self) -> None:
        """End it and all that it has started."""
        running = {self.pid, *_descendants(self.pid)} if self.code is None else set()
        for pid in {*self.survivors(), *running} - {0}:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


class Programs:
    """Starts programs of one cell, and learns of their ends."""

    def __init__(self, runtime: Runtime, probe: Probe, folder: Path) -> None:
        self._runtime = runtime
        self._folder = folder
        self._programs: dict[int, Program] = {}
        self._numbers = count()
        self._server = subprocess.Popen(
            probe.program("harness_scenarios.parts.programs:serve"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._server.stdout is not None
        os.set_blocking(self._server.stdout.fileno(), False)
        self._unread = b""

    async def start(self, function: str, *arguments: str) -> Program:
        """Start a program; its last argument is the path of its gate."""
        program = Program(self._runtime, self._folder, next(self._numbers), arguments)
        self._programs[program.number] = program
        request = {
            "number": program.number,
            "function": function,
            "arguments": [*arguments, str(program.gate)],
            "out": str(program.out),
            "err": str(program.err),
        }
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        if not await program.until(lambda: program.pid != 0, _START_SECONDS):
            raise TimeoutError(f"no program was forked within {_START_SECONDS:g} s")
        return program

    async def watch(self) -> None:
        """Read the reports of the forking interpreter, until this task is cancelled."""
        assert self._server.stdout is not None
        while True:
            chunk = self._server.stdout.read(1 << 16)
            if chunk:
                *lines, self._unread = (self._unread + chunk).split(b"\n")
                for line in lines:
                    facts = json.loads(line)
                    program = self._programs[facts["number"]]
                    program.pid = facts.get("pid", program.pid)
                    program.code = facts.get("code", program.code)
            elif chunk == b"":
                return
            await self._runtime.sleep(_LOOK_AGAIN)

    def close(self) -> None:
        """End everything that was started."""
        for program in self._programs.values():
            program.kill()
        for pipe in (self._server.stdin, self._server.stdout):
            assert pipe is not None
            pipe.close()
        self._server.kill()
        self._server.wait()


@asynccontextmanager
async def open_programs(runtime: Runtime, probe: Probe) -> AsyncIterator[Programs]:
    """Open what starts programs; nothing of them is left behind the block."""
    with TemporaryDirectory(prefix="harness-programs-") as folder:
        programs = Programs(runtime, probe, Path(folder))
        try:
            yield programs
        finally:
            programs.close()


# --- process table ---


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _cpu_of(pid: int) -> tuple[float, bool]:
    """Return how much CPU the threads of a process have used, and whether one of them is ready to use more."""
    total, is_ready = 0, False
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            stat = (task / "stat").read_text(encoding="ascii", errors="replace")
            is_ready |= stat.rpartition(")")[2].split()[0] in "RD"
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9, is_ready


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            found |= {int(child) for child in (task / "children").read_text(encoding="ascii").split()}
    return found.union(*(_descendants(child) for child in found))
