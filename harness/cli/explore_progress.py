"""The live line of `harness explore`: programs, runs, final states, findings."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import click

from harness.model import CellFinished, CellObserved, CellProgressed, Observed, RunEvent
from harness.plugins import Plugins

_DRAW_EVERY = 0.25
_PLAIN_EVERY = 10.0
_COUNTS = ("programs", "runs", "distinct final states")


@contextmanager
def open_explore_progress(plugins: Plugins, *, quiet: bool) -> Iterator[None]:
    """Draw one line again and again on a terminal, and write a line now and then elsewhere, while the block runs."""
    if quiet:
        yield
        return
    line = _Line(redraw=sys.stderr.isatty())
    try:
        with plugins.listening(__name__, line):
            yield
    finally:
        line.close()


class _Line:
    def __init__(self, *, redraw: bool) -> None:
        self._redraw = redraw
        self._counts: Counter[str] = Counter()
        self._findings: set[tuple[str, str]] = set()
        self._running: dict[str, int] = {}
        self._started = self._drawn = time.monotonic()

    def __call__(self, event: RunEvent) -> None:
        """Update the counts from an event."""
        match event:
            case CellProgressed(cell_id=cell_id, progress=progress):
                self._running[cell_id] = progress
            case CellObserved(cell_id=cell_id, observation=Observed(key=key, value=value)):
                if key in _COUNTS:
                    self._counts[key] += value
                elif key == "failure":
                    self._findings.add((cell_id.partition("#")[0], value["clause"]))
            case CellFinished(result=result):
                self._running.pop(result.cell_id, None)
        now = time.monotonic()
        if now - self._drawn >= (_DRAW_EVERY if self._redraw else _PLAIN_EVERY):
            self._drawn = now
            self._draw(now)

    def _draw(self, now: float) -> None:
        programs = self._counts["programs"] + sum(self._running.values())
        text = (
            f"{now - self._started:3.0f} s  {programs:,} programs, {self._counts['runs']:,} runs, "
            f"{self._counts['distinct final states']:,} final states, {len(self._findings)} findings"
        )
        if self._redraw:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)
        else:
            click.echo(text, err=True)

    def close(self) -> None:
        """Remove the line from a terminal."""
        if self._redraw:
            click.echo("\r\x1b[K", err=True, nl=False)
