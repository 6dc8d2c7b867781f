"""Live progress on stderr: what runs now, how far it is, how long the rest will take."""

from __future__ import annotations

import errno
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from harness.host.signals import INTERRUPTS
from harness.model import (
    CellFinished,
    CellObserved,
    CellProgressed,
    CellRetried,
    CellStarted,
    Outcome,
    RunEvent,
    RunExtended,
    RunResumed,
    RunStarted,
)
from harness.plugins import Plugins

_PLAIN_EVERY = 10.0


@contextmanager
def open_progress(plugins: Plugins, *, quiet: bool, colourless: bool = False) -> Iterator[None]:
    """Show progress while the block runs: a bar on a terminal, a line now and then elsewhere, nothing if quiet.

    It listens as a plugin does.
    """
    if quiet:
        yield
    elif sys.stderr.isatty():
        bar = _bar(colourless)
        with suppress(OSError):
            bar.start()
        try:
            with plugins.listening(__name__, _Unheard(_Live(bar))):
                yield
        finally:
            with suppress(OSError):
                bar.stop()
    else:
        with plugins.listening(__name__, _Unheard(_Plain())):
            yield


@contextmanager
def open_noise_progress(*, quiet: bool = False, colourless: bool = False) -> Iterator[Callable[[float], None]]:
    """Yield what takes the share that is over of the seconds in which nothing is run but a look at the machine."""
    if quiet or not sys.stderr.isatty():
        yield lambda _share: None
        return
    bar = _bar(colourless)
    task = bar.add_task("", total=100, now="how quiet is this machine?")

    def tick(share: float) -> None:
        with suppress(OSError):
            bar.update(task, completed=round(100 * share))
            bar.refresh()

    with suppress(OSError):
        bar.start()
    try:
        yield tick
    finally:
        with suppress(OSError):
            bar.stop()


class _Unheard:
    """Passes events on until the output has no reader."""

    def __init__(self, listener: Callable[[RunEvent], None]) -> None:
        self._listener: Callable[[RunEvent], None] | None = listener

    def __call__(self, event: RunEvent) -> None:
        if self._listener is None:
            return
        try:
            self._listener(event)
        except OSError as exc:
            self._listener = None
            if exc.errno == errno.EPIPE:  # `2>&1 | head`: enough was seen. A closed terminal has its own signal
                INTERRUPTS.request()


def _bar(colourless: bool) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}", markup=False),
        console=Console(stderr=True, no_color=colourless or None),  # None: as NO_COLOR says
        transient=True,
        auto_refresh=False,  # it would be a thread, and processes are started from a program with one
    )


class _Attempts:
    """Which cells are run again, and why: a bad end (a retry), a busy CPU (a repeat), a finding to be confirmed."""

    def __init__(self) -> None:
        self._retries: dict[str, int] = {}
        """How often each cell may be run again after a bad end."""
        self._retry: dict[str, int] = {}
        self._starts: Counter[str] = Counter()
        self._confirmed: set[str] = set()
        """Cells whose finding in a forked process is being confirmed."""

    def see(self, event: RunEvent) -> None:
        """Take note of an event."""
        match event:
            case RunStarted(plan=plan):
                self._retries.update((cell.id, cell.retries) for cell in plan.cells if cell.retries)
            case RunExtended(cells=cells):
                self._retries.update((cell.id, cell.retries) for cell in cells if cell.retries)
            case CellStarted(cell_id=cell_id):
                self._starts[cell_id] += 1
            case CellRetried(result=result, attempt=attempt):
                self._starts.pop(result.cell_id, None)
                if event.confirms:
                    self._confirmed.add(result.cell_id)
                else:
                    self._confirmed.discard(result.cell_id)
                    self._retry[result.cell_id] = attempt
            case CellFinished(result=result):
                self._starts.pop(result.cell_id, None)
                self._retry.pop(result.cell_id, None)
                self._confirmed.discard(result.cell_id)

    def describe(self, cell_id: str) -> str:
        """Return ` (retry 1/2)`, ` (repeat 1)` or nothing: the number of the present attempt at a cell."""
        parts = []
        if retry := self._retry.get(cell_id):
            most = self._retries.get(cell_id)  # nothing in a run that is resumed
            parts.append(f"retry {retry}/{most}" if most else f"retry {retry}")
        if (repeat := self._starts[cell_id] - 1) > 0:
            parts.append(f"repeat {repeat}")
        if cell_id in self._confirmed:
            parts.append("to confirm a finding")
        return f" ({', '.join(parts)})" if parts else ""


class _Live:
    """One line that is drawn again: bar, count, time left, the running cell; problems are printed above it."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task: Any = None
        self._attempts = _Attempts()

    def __call__(self, event: RunEvent) -> None:
        self._attempts.see(event)
        match event:
            case RunStarted(plan=plan):
                self._task = self._bar.add_task("", total=len(plan.cells) + len(plan.skipped), now="")
            case RunResumed(cells=cells):
                self._task = self._bar.add_task("", total=cells, now="")
            case RunExtended(cells=cells, skipped=skipped):
                self._bar.update(self._task, total=self._bar.tasks[self._task].total + len(cells) + len(skipped))
            case CellStarted(cell_id=cell_id):
                self._bar.update(self._task, now=self._name(cell_id))
            case CellProgressed(cell_id=cell_id, seconds=seconds, progress=progress):
                self._bar.update(self._task, now=f"{self._name(cell_id)} {seconds:.0f} s, {progress:,} done")
            case CellRetried(result=result):
                self._bar.update(self._task, now=self._name(result.cell_id))
            case CellFinished(result=result):
                self._bar.advance(self._task)
                if result.outcome not in (Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE):
                    self._bar.console.print(_problem(event), markup=False, highlight=False)
        if not isinstance(event, CellObserved):  # of which there may be thousands
            self._bar.refresh()

    def _name(self, cell_id: str) -> str:
        return _clean(cell_id) + self._attempts.describe(cell_id)


class _Plain:
    """A line every few seconds, and one for each problem and each cell that is run again."""

    def __init__(self) -> None:
        self._attempts = _Attempts()
        self._total = self._done = 0
        self._last = time.monotonic()

    def __call__(self, event: RunEvent) -> None:
        self._attempts.see(event)
        match event:
            case RunStarted(plan=plan):
                self._total = len(plan.cells) + len(plan.skipped)
            case RunResumed(cells=cells):
                self._total = cells
            case RunExtended(cells=cells, skipped=skipped):
                self._total += len(cells) + len(skipped)
            case CellStarted(cell_id=cell_id) if again := self._attempts.describe(cell_id):
                click.echo(f"runs again{again}: {_clean(cell_id)}", err=True)
            case CellRetried() if not event.confirms:
                click.echo(_problem(event), err=True)
            case CellFinished(result=result):
                self._done += 1
                if result.outcome not in (Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE):
                    click.echo(_problem(event), err=True)
                if time.monotonic() - self._last >= _PLAIN_EVERY:
                    self._last = time.monotonic()
                    click.echo(f"{self._done}/{self._total} cells, last {_clean(result.cell_id)}", err=True)


def _problem(event: CellFinished | CellRetried) -> str:
    return _clean(f"{event.result.outcome.value}: {event.result.cell_id}: {event.result.reason}")


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
