"""Live progress on stderr: what runs now, how far it is, how long the rest will take."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from harness.host.signals import INTERRUPTS
from harness.model import (
    CellFinished,
    CellRetried,
    CellStarted,
    HelperContinued,
    Outcome,
    RunEvent,
    RunExtended,
    RunResumed,
    RunStarted,
)
from harness.plugins import Plugins

from .attempts import Attempts, describe_continued, describe_problem, printable_id

if TYPE_CHECKING:
    from rich.console import Console

    from .live_display import LiveDisplay

_PLAIN_EVERY = 10.0
_clock = time.monotonic


@contextmanager
def open_progress(plugins: Plugins, *, quiet: bool, colourless: bool = False, lanes: int = 1) -> Iterator[None]:
    """Show progress while the block runs: a bar on a terminal, a line now and then elsewhere, nothing if quiet.

    It listens as a plugin does.
    """
    if quiet:
        yield
    elif sys.stderr.isatty():
        display = _make_display(plugins, lanes, colourless=colourless)
        with suppress(OSError):
            display.live.start()
        try:
            with plugins.listening(__name__, _Unheard(display)):
                yield
        finally:
            with suppress(OSError):
                display.live.stop()
    else:
        with plugins.listening(__name__, _Unheard(_Plain())):
            yield


@contextmanager
def open_noise_progress(*, quiet: bool = False, colourless: bool = False) -> Iterator[Callable[[float], None]]:
    """Yield what takes the share that is over of the seconds in which nothing is run but a look at the machine."""
    if quiet or not sys.stderr.isatty():
        yield lambda _share: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    text = TextColumn("measuring how quiet this machine is")
    bar = Progress(BarColumn(bar_width=20), text, console=_make_console(colourless), transient=True, auto_refresh=False)
    task = bar.add_task("", total=100)

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


def _make_console(colourless: bool) -> Console:
    from rich.console import Console

    return Console(stderr=True, no_color=colourless or None)  # None: as NO_COLOR says


def _make_display(plugins: Plugins, lanes: int, *, colourless: bool) -> LiveDisplay:
    from harness.host.machine import describe_environment
    from harness.journal import RunStore
    from harness.session.costs import learn_costs

    from .live_display import LiveDisplay
    from .stored import RUNS

    shared = [scenario.name for scenario in plugins.catalogue().scenarios.values() if scenario.side_by_side]
    costs = learn_costs(RunStore(RUNS), describe_environment())
    return LiveDisplay(_make_console(colourless), shared, lanes, costs.known)


class _Plain:
    """A line every few seconds, and one for each problem and each cell that is run again."""

    def __init__(self) -> None:
        self._attempts = Attempts()
        self._total = self._done = 0
        self._last = _clock()

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
                click.echo(f"runs again{again}: {printable_id(cell_id)}", err=True)
            case HelperContinued():
                click.echo(describe_continued(event), err=True)
            case CellRetried() if not event.confirms:  # else the attempt that follows counts
                click.echo(describe_problem(event), err=True)
            case CellFinished(result=result):
                self._done += 1
                if result.outcome not in (Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE):
                    click.echo(describe_problem(event), err=True)
                if _clock() - self._last >= _PLAIN_EVERY:
                    self._last = _clock()
                    click.echo(f"{self._done}/{self._total} cells, last {printable_id(result.cell_id)}", err=True)
