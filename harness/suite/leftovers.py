"""Resources that a test leaves behind: descriptors, threads, children and tasks that it made and that outlive it."""

from __future__ import annotations

import gc
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.worker.ledger import list_new_fds, open_fds
from harness.worker.leftovers import describe_child, list_children, list_new_children, list_threads

_PATIENCE = 1.0
_WHOLE_PATIENCE = 5.0
"""Seconds for threads and children that are ending, for a test and for all tests of a process."""
_MOST_LINES = 20


class Leftovers:
    """Compares the resources of the process before and after the body of each test.

    Resources that the set-up opens may belong to a fixture of wider scope, and those of a reference cycle have no owner
    leak: they are collected at the end of the test, and their warnings are those of this test, not of the next one.

    Args:
        list_tasks: returns the pending tasks of every scheduler, by an identity that is not reused while they live.
        package: of the scheduler in force; threads that it keeps for the next job are not left.
    """

    def __init__(self, list_tasks: Callable[[], dict[int, str]], package: str = "") -> None:
        self._list_tasks = list_tasks
        self._packages = (package,) if package else ()
        self._patience = _WHOLE_PATIENCE
        self._is_open = False
        self._fds: dict[int, str] = {}
        self._threads: frozenset[int] = frozenset()
        self._children: frozenset[int] = frozenset()
        self._tasks: frozenset[int] = frozenset()
        self.warnings: tuple[str, ...] = ()
        """Warnings and errors of objects collected at the end of the last test."""

    def open(self) -> None:
        """Note the resources before the body of a test."""
        self._is_open = True
        self._fds = open_fds()
        self._threads = frozenset(sys._current_frames())  # noqa: SLF001 - also threads that threading does not know
        self._children = frozenset(list_children())
        self._tasks = frozenset(self._list_tasks())

    def close(self) -> tuple[str, ...]:
        """Return a line for each resource that is new, when the test has ended; none if its body did not begin."""
        self.warnings = ()
        if not self._is_open:
            return ()
        self._is_open = False
        if not any(self._list()):
            return ()
        with self._collecting():
            gc.collect()
        self._wait()
        return tuple(self._list())[:_MOST_LINES]

    def _list(self) -> Iterator[str]:
        yield from (f"fd {target.partition(':')[0]}" for target in list_new_fds(self._fds).values())
        yield from self._list_running()
        yield from (f"task {name}" for task, name in self._list_tasks().items() if task not in self._tasks)

    def _list_running(self) -> Iterator[str]:
        yield from list_threads(self._threads, self._packages)
        yield from map(describe_child, list_new_children(self._children))

    def _wait(self) -> None:
        started = time.monotonic()
        until = started + min(_PATIENCE, self._patience)
        while any(self._list_running()) and time.monotonic() < until:
            time.sleep(0.01)
        self._patience -= time.monotonic() - started

    @contextmanager
    def _collecting(self) -> Iterator[None]:
        """Keep the warnings of collected objects from whichever test comes next."""
        found: list[str] = []
        hook = sys.unraisablehook

        def take(unraisable: Any) -> None:
            found.append(f"{unraisable.exc_type.__name__}: {unraisable.exc_value}")

        sys.unraisablehook = take
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield
            found.extend(f"{each.category.__name__}: {each.message}" for each in caught)
        finally:
            sys.unraisablehook = hook
            self.warnings = tuple(found)[:_MOST_LINES]
