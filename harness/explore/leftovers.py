"""Leftovers of a program in its process: descriptors that stay open, and memory."""

from __future__ import annotations

import gc
from dataclasses import replace

from .clauses import Clause
from .posix import count_fds, peak_memory
from .trial import Result

_LEAP = 64 << 20
"""Bytes by which no program may let its process grow."""


class Leftovers:
    """Compares the process before and after each program. The first one opens the descriptors that a process keeps."""

    def __init__(self) -> None:
        self._fds: int | None = None
        self._peak = peak_memory()

    def judge(self, result: Result) -> Result:
        """Return the result of a program, with the clause that its leftovers break if it has kept the others."""
        before, self._fds = self._fds, count_fds()
        grown, self._peak = peak_memory() - self._peak, peak_memory()
        if result.clause is not None:
            self._fds = None  # a program that failed may leave descriptors behind
            return result
        if grown > _LEAP:
            return replace(result, clause=Clause.MEMORY, detail=f"the process grew by {grown >> 20} MiB")
        if before is not None and self._fds > before:
            gc.collect()
            self._fds = count_fds()
            if self._fds > before:
                detail = f"{self._fds - before} descriptors more than before"
                return replace(result, clause=Clause.LEAK, detail=detail)
        return result
