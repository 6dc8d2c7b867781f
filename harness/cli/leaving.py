"""The end of the program: threads and exit handlers that plugins left behind may delay it, and not for ever."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

import click

from .plain import name_some, one_line

LEAVE_SECONDS = 3.0
_MOST_NAMES = 4


def leave_within(seconds: float, code: int) -> None:
    """End this process after some seconds with an exit code and a line that names the cause, unless it ends before."""
    with suppress(RuntimeError):  # a host without a thread to spare: then nothing bounds the end
        threading.Thread(target=_leave, args=(seconds, code), daemon=True).start()


def _leave(seconds: float, code: int) -> None:
    time.sleep(seconds)
    cause = name_some(describe_threads(), _MOST_NAMES) or "an exit handler"
    with suppress(OSError):
        click.echo(one_line(f"harness: ended after {seconds:g} s without waiting for {cause}"), err=True)
    os._exit(code)


def describe_threads() -> Iterator[str]:
    """Yield the name of each thread that keeps the program from its end, with the module whose code it runs."""
    frames = sys._current_frames()  # noqa: SLF001 - documented
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            module = _module_of(frames.get(thread.ident or 0))
            yield f"thread {thread.name!r}" + (f" of {module}" if module else "")


def _module_of(frame: FrameType | None) -> str:
    """Return the outermost module of a stack beside the one that starts threads."""
    found = ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        found = found if name == threading.__name__ else name
        frame = frame.f_back
    return found
