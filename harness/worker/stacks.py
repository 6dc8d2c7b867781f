"""Stacks of a worker, written for a runner that asks, as `faulthandler` writes them.

`faulthandler` answers whatever keeps the interpreter, because it reads the frames in the signal's own handler. On
CPython 3.11 that ends a process whose coroutines run meanwhile: 3 of 3 with a segmentation fault within 522 questions;
none in 13,000 each on 3.12 and 3.13, or where plain functions run (cpython #116008 and #123967 are related). So the
interpreter is asked first, between two of its instructions; faulthandler where a thread stays in the kernel, and where
nothing answers.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from _thread import get_ident
from types import FrameType

CALL_SIGNAL = signal.SIGWINCH
"""Makes faulthandler write the stack of the main thread. Whoever does not know it ignores it."""
STACKS_SIGNAL = signal.SIGUSR1
"""Makes faulthandler write the stacks of all threads."""
_DEEPEST = 100


def write_stacks_on_signal(fd: int) -> None:
    """Have faulthandler write stacks to a file when the runner asks for them by signal."""
    faulthandler.register(CALL_SIGNAL, file=fd, all_threads=False, chain=False)
    faulthandler.register(STACKS_SIGNAL, file=fd, all_threads=True, chain=False)


def write_stack(fd: int, frame: FrameType | None) -> None:
    """Write one stack, that of the calling thread from a frame outwards."""
    _write(fd, f"Current thread 0x{get_ident():016x}", frame)


def write_all_stacks(fd: int, frame: FrameType | None) -> None:
    """Write the stacks of the other threads, and then that of the calling one from a frame outwards."""
    for thread, innermost in sys._current_frames().items():  # noqa: SLF001 - the documented way, in spite of its name
        if thread != get_ident():
            _write(fd, f"Thread 0x{thread:016x}", innermost)
    write_stack(fd, frame)


def _write(fd: int, title: str, frame: FrameType | None) -> None:
    lines = [f"{title} (most recent call first):"]
    while frame is not None:
        if len(lines) > _DEEPEST:
            lines.append("  ...")
            break
        code = frame.f_code
        lines.append(f'  File "{code.co_filename}", line {frame.f_lineno or "???"} in {code.co_name}')
        frame = frame.f_back
    os.write(fd, "".join(f"{line}\n" for line in (*lines, "")).encode(errors="replace"))
