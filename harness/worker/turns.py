"""Reports the main thread's position and its next yield, to a runner that sees a scheduler held for long."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

from harness.wire import TURNED

from .stacks import write_stack

TURN_SIGNAL = signal.SIGURG
"""Asks for it. Whoever does not know it ignores it."""
_COROUTINE = 0x80 | 0x100 | 0x200
"""CO_COROUTINE, CO_ITERABLE_COROUTINE and CO_ASYNC_GENERATOR: to import `inspect` takes longer than all of this."""


def tell_turn_on_signal(fd: int) -> None:
    """Have the stack written to a file at once, and the CPU time of the main thread when a task gives way.

    Costs nothing until it is asked. A call into C that keeps the interpreter is over before the handler runs, and the
    answer is as right: the caller is where it was, and nothing had a turn before.
    """

    def tell(frame: FrameType, event: str, _arg: object) -> None:
        # A suspended call returns to its caller, from the innermost frame outwards; the outermost one gives way.
        behind = frame.f_back
        if event == "return" and _is_coroutine(frame) and not (behind is not None and _is_coroutine(behind)):
            sys.setprofile(None)
            os.write(fd, f"{TURNED}{time.thread_time()}\n".encode())

    def watch(_number: int, frame: FrameType | None) -> None:
        write_stack(fd, frame)
        if sys.getprofile() is None:  # else a profiler is at work
            sys.setprofile(tell)

    signal.signal(TURN_SIGNAL, watch)


def _is_coroutine(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & _COROUTINE)
