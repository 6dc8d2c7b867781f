"""A lane: a runner of its own, that is handed cells on stdin and reports events on stdout.

Cells side by side each need a runner's per-process state: it adopts the orphans of its cell, so that every leftover
can be attributed to that cell, and it starts processes from its only thread.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import cast

import msgspec

from harness.execute import run_guarded
from harness.host.signals import INTERRUPTS, follow
from harness.model import Cell, Environment, RunEvent
from harness.plugins import Plugins
from harness.wire import decode_line, encode_line

from . import posix
from .lanes import LaneTerms
from .role.warm import WarmParents


def main() -> None:
    """Run cells until stdin ends, after a line of environments.

    The arguments are the run's folder and the terms, as JSON.
    An interrupt ends the cell that runs.
    """
    with os.fdopen(os.dup(1), "wb", buffering=0) as report:
        os.dup2(2, 1)  # output of a plugin is no event
        _run_cells(report)


def _run_cells(report: FileIO) -> None:
    posix.adopt_orphans()
    INTERRUPTS.install(signal.SIGINT)
    catalogue, folder = Plugins().catalogue(), Path(sys.argv[1])
    terms: LaneTerms = decode_line(sys.argv[2].encode(), LaneTerms)
    warm = None if terms.hash_seed is None else WarmParents(terms.hash_seed, forks_timed=terms.forks_timed)
    with INTERRUPTS.deferred(), ExitStack() as stack:
        if warm is not None:
            stack.callback(warm.close)
        posix.unblock_interrupts()
        environments = decode_line(sys.stdin.buffer.readline() or b"[]", tuple[Environment, ...])
        catalogue = msgspec.structs.replace(catalogue, environments={known.name: known for known in environments})
        for line in sys.stdin.buffer:
            stage = run_guarded(decode_line(line, Cell), catalogue, folder, warm, terms.cut_off)
            with suppress(BrokenPipeError):  # the run has ended, and with it this cell; so does stdin
                follow(cast("Generator[RunEvent, None, None]", stage), lambda event: _report(report, event))


def _report(report: FileIO, event: RunEvent) -> None:
    line = memoryview(encode_line(event))
    while line:
        line = line[report.write(line) or 0 :]


if __name__ == "__main__":
    main()
