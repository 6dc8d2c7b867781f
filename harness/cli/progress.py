"""Live progress on stderr: what runs now, how far it is, how long the rest will take."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from harness.interrupts import INTERRUPTS
from harness.model import (
    CellFinished,
    CellObserved,
    CellProgressed,
    CellStarted,
    Outcome,
    RunEvent,
    RunExtended,
    RunResumed,
    RunStarted,
)

_PLAIN_EVERY = 10.0


@contextmanager
def open_progress(*, quiet: bool, colourless: bool = False) -> Iterator[Callable[[RunEvent], None]]:
    """Yield a listener that shows progress: a bar on a terminal, a line now and then elsewhere, nothing if quiet."""
    if quiet:
        yield lambda _event: None
    elif sys.stderr.isatty():
        bar = _bar(colourless)
        with suppress(OSError):
            bar.start()
        try:
            yield _Unheard(_Live(bar))
        finally:
            with suppress(OSError):
                bar.stop()
    else:
        yield _Unheard(_Plain())


class _Unheard:
    """Passes events on until nobody reads what is said of them."""

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


class _Live:
    """One line that is drawn again: bar, count, time left, the running cell; problems are printed above it."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task: Any = None

    def __call__(self, event: RunEvent) -> None:
        match event:
            case RunStarted(plan=plan):
                self._task = self._bar.add_task("", total=len(plan.cells) + len(plan.skipped), now="")
            case RunResumed(cells=cells):
                self._task = self._bar.add_task("", total=cells, now="")
            case RunExtended(cells=cells, skipped=skipped):
                self._bar.update(self._task, total=self._bar.tasks[self._task].total + len(cells) + len(skipped))
            case CellStarted(cell_id=cell_id):
                self._bar.update(self._task, now=_clean(cell_id))
            case CellProgressed(cell_id=cell_id, seconds=seconds, progress=progress):
                self._bar.update(self._task, now=f"{_clean(cell_id)} {seconds:.0f} s, {progress:,} done")
            case CellFinished(result=result):
                self._bar.advance(self._task)
                if result.outcome not in (Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE):
                    self._bar.console.print(_problem(event), markup=False, highlight=False)
        if not isinstance(event, CellObserved):  # of which there may be thousands
            self._bar.refresh()


class _Plain:
    """A line every few seconds, and one for each problem."""

    def __init__(self) -> None:
        self._total = self._done = 0
        self._last = time.monotonic()

    def __call__(self, event: RunEvent) -> None:
        match event:
            case RunStarted(plan=plan):
                self._total = len(plan.cells) + len(plan.skipped)
            case RunResumed(cells=cells):
                self._total = cells
            case RunExtended(cells=cells, skipped=skipped):
                self._total += len(cells) + len(skipped)
            case CellFinished(result=result):
                self._done += 1
                if result.outcome not in (Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE):
                    click.echo(_problem(event), err=True)
                if time.monotonic() - self._last >= _PLAIN_EVERY:
                    self._last = time.monotonic()
                    click.echo(f"{self._done}/{self._total} cells, last {_clean(result.cell_id)}", err=True)


def _problem(event: CellFinished) -> str:
    return _clean(f"{event.result.outcome.value}: {event.result.cell_id}: {event.result.reason}")


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
