"""A bar for the seconds in which nothing is run: how quiet is this machine?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def open_noise_progress(*, quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """Yield what takes the share of the time that is over; it is drawn on stderr if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _share: None
        return
    with click.progressbar(length=100, label="how quiet is this machine?", file=sys.stderr, width=24) as bar:
        yield lambda share: bar.update(round(100 * share) - bar.pos)
    click.echo("\x1b[1A\x1b[2K", nl=False, err=True)  # what comes next is drawn in its place
