"""Start the process of a role through the run's executor, and check that the started process is a worker."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from harness.model import LOCAL, Cell, Executor, Outcome, UserInterrupt
from harness.plugins.calls import CALLS

from .interpreter import Refusal, find_error


class ExecutorError(Exception):
    """The executor of a cell starts nothing."""


class Launch:
    """How the processes of a cell are started. What goes wrong with that is charged to the executor."""

    def __init__(self, executor: Executor = LOCAL) -> None:
        self._executor = executor
        self._says = f"executor {executor.name!r}"
        self._is_plain = executor.name == LOCAL.name

    def start(self, command: Sequence[str], role: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a process with a worker's command as the executor wraps it; `options` are those of `Popen`.

        Raises:
            ExecutorError: it returns no command, or one that cannot be started.
        """
        wrapped = self._wrap(tuple(command), role)
        try:
            return subprocess.Popen(wrapped, **options)  # the runner has one thread, so that it may have a preexec_fn
        except OSError as exc:
            if self._is_plain or exc.filename is None:  # too many processes, say
                raise
            raise ExecutorError(f"{self._says} starts {wrapped[0]!r}, which cannot be run: {exc.strerror}") from exc

    def _wrap(self, command: tuple[str, ...], role: str) -> tuple[str, ...]:
        try:
            with CALLS.running(self._says):
                wrapped: object = self._executor.wrap(command, role)
        except UserInterrupt:
            raise
        except BaseException as exc:
            raise ExecutorError(f"{self._says} raised {type(exc).__name__}: {exc}") from exc
        if not isinstance(wrapped, Sequence) or isinstance(wrapped, str | bytes) or not wrapped:
            raise ExecutorError(f"{self._says} returned no command: {_shorten(wrapped)}")
        for word in wrapped:
            if not _is_word(word):
                raise ExecutorError(f"{self._says} returned a command with a word that is none: {_shorten(word)}")
        return tuple(wrapped)

    def find_refusal(self, pid: int, worker: int) -> Refusal | None:
        """Return why the started process is not the watched one.

        Args:
            pid: of the process that was started.
            worker: pid that the worker reports; 0 as long as there is none.
        """
        if self._is_plain or worker in (0, pid):
            return None
        # Without the pids: cells that ended alike have the same message.
        why = "the started process is not the worker, but its parent"
        return Outcome.INVALID_ENV, f"{self._says} does not exec the command that it is given; {why}"

    def describe_failed_start(self, ending: str, said: bytes) -> Refusal | None:
        """Return the outcome where no worker began.

        Args:
            ending: how the process ended, or why it was ended.
            said: the end of its output.
        """
        if self._is_plain:
            return None
        error = find_error(said.decode(errors="replace"))
        why = f"{ending}: {error}" if error else ending
        return Outcome.INVALID_ENV, f"{self._says} started no worker ({why})"


PLAIN = Launch()
"""Without an executor."""


def make_launch(cell: Cell, executors: Mapping[str, Executor]) -> Launch:
    """Return how the processes of a cell are started.

    Raises:
        ExecutorError: no plugin brings its executor (any more).
    """
    if cell.executor not in executors:
        raise ExecutorError(f"there is no executor {cell.executor!r}; harness list executors shows what there is")
    return Launch(executors[cell.executor])


def _is_word(word: object) -> bool:
    try:
        return isinstance(word, str) and b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _shorten(value: object) -> str:
    try:
        return ascii(value)[:80]
    except Exception as exc:  # noqa: BLE001 - whatever a plugin returns, its cell has a message
        return f"{type(value).__name__}, whose repr raised {type(exc).__name__}"
