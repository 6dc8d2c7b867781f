"""The threads of a run, each with where it stands."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

OWN_FILES = os.path.dirname(__file__)  # noqa: PTH120 - pathlib would be imported for this alone


def dump_tasks() -> Sequence[str]:
    """Return a line for each thread: its frames nearest to the scenario and to the kernel."""
    try:
        frames = sys._current_frames()  # noqa: SLF001 - the documented way, in spite of its name
        threads = [thread for thread in threading.enumerate() if thread.ident and not _serves_a_pool(thread)]
        return [_describe(thread.name, frames.get(thread.ident or 0)) for thread in threads]
    except Exception as exc:  # noqa: BLE001 - a dump of a broken run must not break it further
        return [f"(the threads cannot be read: {exc!r})"]


def _serves_a_pool(thread: threading.Thread) -> bool:
    # The process pool's own threads live as long as the run; they are no tasks of a scenario.
    return type(thread).__module__ == "concurrent.futures.process" or thread.name == "QueueFeederThread"


def _describe(name: str, innermost: FrameType | None) -> str:
    if innermost is None:
        return f"{name}: finished"
    library = (OWN_FILES, threading.__file__)
    own = next((f for f in _outwards(innermost) if not f.f_code.co_filename.startswith(library)), None)
    where = f"{_place(own)} waits in " if own not in (None, innermost) else ""
    return f"{name}: {where}{_place(innermost)}"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "?"
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"
