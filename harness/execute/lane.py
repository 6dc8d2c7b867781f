"""A lane: a runner of its own, that is handed cells on stdin and says what happens on stdout.

Cells side by side each need what a runner has once for its process: it adopts the orphans of its cell, so that whatever
is left can be told to be that cell's, and it starts processes from its only thread.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import cast

from harness.execute import run_guarded
from harness.model import Cell, RunEvent
from harness.plugins import Plugins
from harness.wire import decode_line, encode_line

from . import posix


def main() -> None:
    """Run cells until stdin ends or the lane is interrupted; the argument is the run's folder."""
    report = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a plugin prints is no event
    posix.adopt_orphans()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    catalogue, folder = Plugins().catalogue(), Path(sys.argv[1])
    posix.block_interrupts()
    for line in sys.stdin.buffer:
        stage = run_guarded(decode_line(line, Cell), catalogue, folder)
        for event in follow_to_end(cast("Generator[RunEvent, None, None]", stage)):
            report.write(encode_line(event))


def follow_to_end(stage: Generator[RunEvent, None, None]) -> Iterator[RunEvent]:
    """Yield the events of a cell; an interrupt reaches only the cell, which reports its end all the same.

    Interrupts are blocked but for where the cell runs, so that none comes between an event and its being written.
    """
    step: Callable[[], RunEvent] = stage.__next__
    while True:
        events: list[RunEvent] = []
        ended = False
        try:
            with posix.interrupts_unblocked():
                events.append(step())
            step = stage.__next__
        except StopIteration:
            ended = True
        except KeyboardInterrupt as interrupt:
            # It came in the cell, which has seen it and raised it again when it was done, or just beside it.
            ended = inspect.getgeneratorstate(stage) == inspect.GEN_CLOSED
            step = partial(stage.throw, interrupt)
        yield from events
        if ended:
            return


if __name__ == "__main__":
    main()
