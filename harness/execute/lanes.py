"""Run cells side by side, each in a lane."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.host.signals import HeldInterrupt
from harness.model import Cell, CellFinished, CellResult, Environment, Outcome, RunEvent
from harness.wire import decode_journal_line, encode_line

from . import posix

_READ_BYTES = 1 << 16
_END_SECONDS = 10.0


def run_side_by_side(
    cells: Sequence[Cell],
    folder: Path,
    lanes: int,
    environments: tuple[Environment, ...] = (),
    skip_reason: Callable[[Cell], str] = lambda _cell: "",
) -> Iterator[RunEvent]:
    """Run cells, as many at a time as there are lanes, and yield the events; every cell gets a `CellFinished`.

    `skip_reason` returns, when it is a cell's turn, why it is not run; empty if it is.

    Raises:
        KeyboardInterrupt: at the end, if the user interrupted the run; the cells not run were reported as such.
    """
    waiting = deque(cells)
    held = HeldInterrupt()
    is_ending = False
    with selectors.DefaultSelector() as selector:
        running = [_Lane(folder, selector, environments) for _ in range(min(lanes, len(cells)))]
        try:
            yield from held.pass_on(_hand_out(running, waiting, skip_reason))
            while any(lane.is_busy for lane in running):
                events: list[RunEvent] = []
                with held:
                    events = _next_events(selector)
                yield from held.pass_on(events)
                if not held:  # a listener may skip further cells at the end of a cell
                    yield from held.pass_on(_hand_out(running, waiting, skip_reason))
                if held and not is_ending:
                    is_ending = True
                    yield from map(_not_run, waiting)
                    waiting.clear()
                    for lane in running:
                        lane.interrupt()
        finally:
            for lane in running:
                lane.end()
    held.release()


def _hand_out(running: Sequence[_Lane], waiting: deque[Cell], skip_reason: Callable[[Cell], str]) -> list[RunEvent]:
    """Give each idle lane a cell; return the ends of those that are not run."""
    refused: list[RunEvent] = []
    for lane in running:
        while waiting and not lane.is_busy:
            if reason := skip_reason(waiting[0]):
                refused.append(_not_run(waiting.popleft(), reason))
            else:
                lane.hand(waiting)
    return refused


def _next_events(selector: selectors.BaseSelector) -> list[RunEvent]:
    # A list: a listener may throw at the first event, and the events that came with it must not be lost.
    events: list[RunEvent] = []
    for key, _ in selector.select():
        lane: _Lane = key.data
        events += lane.read()
    return events


class _Lane:
    """A lane's process, and the cell that it runs."""

    def __init__(self, folder: Path, selector: selectors.BaseSelector, environments: tuple[Environment, ...]) -> None:
        self._folder = folder
        self._environments = environments
        self._selector = selector
        self._cell: Cell | None = None
        self._start()

    def _start(self) -> None:
        with posix.interrupts_blocked():  # until it has a handler
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.execute.lane", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the runner, which informs its lanes
                preexec_fn=posix.die_with_parent(),  # noqa: PLW1509 - the runner has one thread
            )
        self._partial = b""
        self._tell(self._environments)
        assert self._process.stdout is not None
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self)

    @property
    def is_busy(self) -> bool:
        """Whether it has a cell that is not finished."""
        return self._cell is not None

    def hand(self, waiting: deque[Cell]) -> None:
        """Give it the next cell, if there is one."""
        if waiting:
            self._cell = waiting.popleft()
            self._tell(self._cell)

    def _tell(self, what: object) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has just died, as its stdout shows
            self._process.stdin.write(encode_line(what))
            self._process.stdin.flush()

    def read(self) -> Iterator[RunEvent]:
        """Yield what has come; a lane that ended within its cell is our own fault, and another takes its place."""
        assert self._process.stdout is not None
        received = os.read(self._process.stdout.fileno(), _READ_BYTES)
        if not received:
            yield from self._replace()
            return
        *lines, self._partial = (self._partial + received).split(b"\n")
        for line in lines:
            event = decode_journal_line(line)
            if isinstance(event, CellFinished):
                self._cell = None
            yield event

    def interrupt(self) -> None:
        """Have it end its cell and itself."""
        if self.is_busy:
            self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Close its stdin and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _replace(self) -> Iterator[RunEvent]:
        self._selector.unregister(self._stdout)
        self.end()
        cell, self._cell = self._cell, None
        if cell is not None:
            reason = f"the lane of this cell ended with exit code {self._process.returncode}"
            yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.HARNESS_FAULT, reason=reason))
        self._start()

    @property
    def _stdout(self) -> Any:
        return self._process.stdout


def _not_run(cell: Cell, reason: str = "the run was interrupted before this cell") -> CellFinished:
    return CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.NOT_RUN, reason=reason))
