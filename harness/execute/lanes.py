"""Run cells side by side, each in a lane."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from harness.host.faults import explain_runner_error
from harness.host.signals import INTERRUPTS, HeldInterrupt
from harness.model import Cell, CellFinished, CellResult, Environment, HelperContinued, Outcome, RunEvent
from harness.wire import decode_journal_line, encode_line

from . import posix
from .cell.cut_off import CutOff
from .watcher import Watcher

_NOT_BEGUN = "the run was interrupted before this cell"
_READ_BYTES = 1 << 16
_END_SECONDS = 10.0
_LOOK_AHEAD = 16
"""Cells among which a lane has one of its backends; they are of few rows, so that the order of the plan is kept."""
_LOOK_SECONDS = 0.5
_STOPPED_SECONDS = 2.0
"""A lane that is silent for so long is continued if it is stopped: one that runs a cell reports four times a second."""
_SILENT_SECONDS = 60.0
"""A lane that is silent for so long is replaced: to start or to end a cell takes some seconds at most."""


class LaneTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How the cells of a lane are run."""

    hash_seed: int | None = None
    """Of warm parents; without it every process starts fresh."""
    forks_timed: bool = False
    """Whether cells are forked although they measure something."""
    cut_off: CutOff | None = None


def run_side_by_side(
    cells: Sequence[Cell],
    folder: Path,
    lanes: int,
    environments: tuple[Environment, ...] = (),
    skip_reason: Callable[[Cell], str] = lambda _cell: "",
    terms: LaneTerms | None = None,
    watcher: Watcher | None = None,
) -> Iterator[RunEvent]:
    """Run cells, as many at a time as there are lanes, and yield the events; every cell gets a `CellFinished`.

    `skip_reason` returns, when it is a cell's turn, why it is not run; empty if it is. The `watcher` is looked after
    before each cell.

    Raises:
        KeyboardInterrupt: at the end, if the user interrupted the run; the cells not run were reported as such.
    """
    waiting = deque(cells)
    held = HeldInterrupt()
    is_ending = False
    with selectors.DefaultSelector() as selector:
        running = [_Lane(folder, selector, environments, terms or LaneTerms()) for _ in range(min(lanes, len(cells)))]
        try:
            yield from held.pass_on(_hand_out(running, waiting, skip_reason, watcher))
            while any(lane.is_busy for lane in running):
                events: list[RunEvent] = []
                with held:
                    events = _next_events(selector, running)
                yield from held.pass_on(events)
                with held:
                    INTERRUPTS.check()  # the publisher of events looks too, but there may be none
                if not held:  # a listener may skip further cells at the end of a cell
                    yield from held.pass_on(_hand_out(running, waiting, skip_reason, watcher))
                if held and not is_ending:
                    is_ending = True
                    yield from (_finish(cell, Outcome.NOT_RUN, _NOT_BEGUN) for cell in waiting)
                    waiting.clear()
                    for lane in running:
                        lane.interrupt()
        finally:
            for lane in running:
                lane.end()
    held.release()


def _hand_out(
    running: list[_Lane], waiting: deque[Cell], skip_reason: Callable[[Cell], str], watcher: Watcher | None
) -> list[RunEvent]:
    """Give each idle lane a cell; return the ends of those that are not run, and notes of the watcher.

    A lane whose process cannot be started is given up; without any lane no further cell is run.
    """
    events: list[RunEvent] = []
    fault = watcher.find_fault() if watcher is not None and waiting else ""
    for lane in () if fault else tuple(running):
        while waiting and not lane.is_busy:
            cell = _take_alike(waiting, lane.labels)
            if reason := skip_reason(cell):
                events.append(_finish(cell, Outcome.NOT_RUN, reason))
            elif why := lane.hand(cell):
                waiting.appendleft(cell)
                running.remove(lane)
                fault = "" if running else why
                break
    if fault:
        events += [_finish(cell, Outcome.INVALID_ENV, fault) for cell in waiting]
        waiting.clear()
    return events + (watcher.take_notes() if watcher is not None else [])


def _take_alike(waiting: deque[Cell], labels: Collection[str]) -> Cell:
    """Take one of the next cells: the first one of these backends, as their warm parents are there; else the first."""
    near = list(islice(waiting, _LOOK_AHEAD))
    place = next((place for place, cell in enumerate(near) if cell.label in labels), 0)
    cell = waiting[place]
    del waiting[place]
    return cell


def _next_events(selector: selectors.BaseSelector, running: Sequence[_Lane]) -> list[RunEvent]:
    # A list: a listener may throw at the first event, and the events that came with it must not be lost.
    events: list[RunEvent] = []
    began = time.monotonic()
    ready = selector.select(_LOOK_SECONDS)
    waited = min(time.monotonic() - began, _LOOK_SECONDS)  # more if the runner itself was suspended
    for key, _ in ready:
        lane: _Lane = key.data
        events += lane.read()
    for lane in running:
        events += lane.look(waited)
    return events


class _Lane:
    """A lane's process, and the cell that it runs."""

    def __init__(
        self,
        folder: Path,
        selector: selectors.BaseSelector,
        environments: tuple[Environment, ...],
        terms: LaneTerms,
    ) -> None:
        told = encode_line(terms).decode()
        self._command = [sys.executable, "-P", "-m", "harness.execute.lane", str(folder), told]
        self._environments = environments
        self._selector = selector
        self._cell: Cell | None = None
        self._before = posix.child_pids()
        self.labels: set[str] = set()
        """Backends of the cells that its process has run."""
        self._started: subprocess.Popen[bytes] | None = None
        self._partial = b""
        self._silent = 0.0

    def _start(self) -> None:
        with posix.interrupts_blocked():  # until it has a handler
            self._started = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the runner, which informs its lanes
                preexec_fn=posix.die_with_parent(),  # noqa: PLW1509 - the runner has one thread
            )
        self._partial = b""
        posix.HELPERS.add(self._process.pid)
        self._tell(self._environments)
        self._selector.register(self._stdout, selectors.EVENT_READ, self)

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        assert self._started is not None, "a lane has its process from its first cell on"
        return self._started

    @property
    def is_busy(self) -> bool:
        """Whether it has a cell that is not finished."""
        return self._cell is not None

    def hand(self, cell: Cell) -> str:
        """Give it a cell, and a process if it has none; return why that cannot be started, or an empty string."""
        if self._started is None:
            try:
                self._start()
            except OSError as exc:
                return explain_runner_error(exc) or str(exc)
        self._silent = 0.0
        self._cell = cell
        self.labels.add(cell.label)
        self._tell(cell)
        return ""

    def _tell(self, what: object) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has just died, as its stdout shows
            self._process.stdin.write(encode_line(what))
            self._process.stdin.flush()

    def read(self) -> Iterator[RunEvent]:
        """Yield what has come; a lane that ends or sends garbage within its cell is our own fault, and is replaced."""
        received = os.read(self._stdout.fileno(), _READ_BYTES)
        self._silent = 0.0
        if not received:
            yield from self._replace()
            return
        *lines, self._partial = (self._partial + received).split(b"\n")
        for line in lines:
            try:
                event = decode_journal_line(line)
            except msgspec.DecodeError as exc:
                self._process.kill()
                yield from self._replace(f"the lane of this cell sent bytes that are no event: {line[:60]!r} ({exc})")
                return
            if isinstance(event, CellFinished):
                self._cell = None
            yield event

    def look(self, seconds: float) -> Iterator[RunEvent]:
        """Take note of further seconds of silence: a stopped lane is continued, one that stays silent replaced."""
        self._silent += seconds
        if self.is_busy and self._silent > _SILENT_SECONDS:
            self._process.kill()
            yield from self._replace(f"the lane of this cell was silent for {_SILENT_SECONDS:g} s and was killed")
        elif self._cell is not None and self._silent > _STOPPED_SECONDS and posix.is_stopped(self._process.pid):
            self._process.send_signal(signal.SIGCONT)
            yield HelperContinued(helper=f"the lane of {self._cell.id}")

    def interrupt(self) -> None:
        """Have it end its cell and itself."""
        if self.is_busy:
            self._process.send_signal(signal.SIGINT)
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Close the stdin of its process, if it has one, and wait for it, also if it was stopped."""
        if self._started is None:
            return
        posix.HELPERS.discard(self._process.pid)
        self._process.send_signal(signal.SIGCONT)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _replace(self, why: str = "") -> Iterator[RunEvent]:
        self._selector.unregister(self._stdout)
        self.end()
        # The processes of its cell that had changed their group fell to this process.
        posix.sweep("", self._before | posix.HELPERS, deadline=time.monotonic() + _END_SECONDS)
        cell, self._cell = self._cell, None
        if cell is not None:
            reason = why or f"the lane of this cell ended with exit code {self._process.returncode}"
            yield _finish(cell, Outcome.HARNESS_FAULT, reason)
        self._started = None  # the next cell has another one
        self.labels.clear()

    @property
    def _stdout(self) -> Any:
        return self._process.stdout


def _finish(cell: Cell, outcome: Outcome, reason: str) -> CellFinished:
    return CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, reason=reason))
