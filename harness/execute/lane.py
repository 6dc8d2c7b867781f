"""A lane: a runner of its own, that is handed cells on stdin and says what happens on stdout.

Cells side by side each need what a runner has once for its process: it adopts the orphans of its cell, so that whatever
is left can be told to be that cell's, and it starts processes from its only thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import cast

from harness.execute import run_guarded
from harness.model import Cell, RunEvent
from harness.plugins import Catalogue, Plugins
from harness.wire import decode_line, encode_line

from . import posix


def main() -> None:
    """Run cells until stdin ends or the lane is interrupted; the argument is the run's folder."""
    report = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a plugin prints is no event
    posix.adopt_orphans()
    catalogue, folder = Plugins().catalogue(), Path(sys.argv[1])
    with suppress(KeyboardInterrupt):
        for line in sys.stdin.buffer:
            for event in _events_of(decode_line(line, Cell), catalogue, folder):
                report.write(encode_line(event))


def _events_of(cell: Cell, catalogue: Catalogue, folder: Path) -> Generator[RunEvent, None, None]:
    stage = cast("Generator[RunEvent, None, None]", run_guarded(cell, catalogue, folder))
    try:
        yield from stage
    except KeyboardInterrupt as interrupt:
        # It may have come while an event was written. Then the cell has yet to see it, to end and to be reported.
        with suppress(KeyboardInterrupt):
            yield stage.throw(interrupt)
            yield from stage
        raise


if __name__ == "__main__":
    main()
