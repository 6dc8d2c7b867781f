"""Faults of the end of a program. They are there in the programs that a question starts, not in its worker."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from typing import Any

from harness.testing.wrapping import SabotagedRuntime

from .faults import fault

_HANG_SECONDS = 60


class _OfAProgram(SabotagedRuntime):
    """A runtime that breaks the process that it runs in, if that is a program."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        spec = sys.modules["__main__"].__spec__
        if spec is not None and spec.name == "harness.worker.program":
            self.sabotage_program()

    def sabotage_program(self) -> None:
        """Break the process."""


@fault("interrupt-is-ignored")
class _InterruptIsIgnored(_OfAProgram):
    """Ctrl-C does nothing while the runtime runs."""

    def sabotage_program(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, lambda _number, _frame: None)


@fault("sigterm-is-ignored")
class _SigtermIsIgnored(_OfAProgram):
    """The runtime takes SIGTERM for itself, and does nothing with it."""

    def sabotage_program(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)


@fault("exit-status-is-lost")
class _ExitStatusIsLost(_OfAProgram):
    """A program ends with the exit status of success, whatever ended it."""

    def sabotage_program(self) -> None:
        atexit.register(os._exit, 0)


@fault("end-hangs")
class _EndHangs(_OfAProgram):
    """The interpreter does not come to its end after a run."""

    def sabotage_program(self) -> None:
        atexit.register(time.sleep, _HANG_SECONDS)


_RUNS: list[int] = []


@fault("second-run-fails")
class _SecondRunFails(_OfAProgram):
    """State left by the first run makes the second one fail."""

    def sabotage_program(self) -> None:
        _RUNS.append(os.getpid())
        if _RUNS.count(os.getpid()) > 1:
            raise RuntimeError("the runtime is closed")
