"""Jobs of the questions about offloading. Jobs for another process are functions of this module."""

from __future__ import annotations

import sys
import threading


class TwoPartError(Exception):
    """An error that is made of two things and tells its base one: a copy of it cannot be made from its `args`."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(what)
        self.code = code


def double(number: int) -> int:
    """Return a result that is not the argument."""
    return 2 * number


def fail_plainly() -> None:
    """Raise an error with arguments."""
    raise ValueError("planned", 7)


def fail_in_two_parts() -> None:
    """Raise an error that cannot be copied."""
    raise TwoPartError("planned", 7)


def fail_with_stop_iteration() -> None:
    """Raise what ends an iterator, and a coroutine."""
    raise StopIteration(7)


def exit_process() -> None:
    """Raise what ends a program."""
    sys.exit(7)


class Crowd:
    """Jobs that run until all of them do, or until no more have come for a while."""

    def __init__(self, size: int, seconds: float) -> None:
        self.most = 0
        self.ran = 0
        self._running = 0
        self._size = size
        self._seconds = seconds
        self._open = False
        self._changed = threading.Condition()

    def attend(self) -> None:
        """Be a job: come, wait for the others, and go."""
        with self._changed:
            self._running += 1
            self.most = max(self.most, self._running)
            self._changed.notify_all()
            while not self._open and self._running < self._size:
                if not self._changed.wait(self._seconds):
                    break  # no event exists for: no more jobs will come
            self._open = True
            self._running -= 1
            self.ran += 1
            self._changed.notify_all()


class Gate:
    """A job that waits until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.ended = threading.Event()
        self._open = threading.Event()

    def attend(self, most_seconds: float) -> bool:
        """Be the job. Returns whether it was let go in time."""
        self.started.set()
        try:
            return self._open.wait(most_seconds)
        finally:
            self.ended.set()

    def let_go(self) -> None:
        """End the job, and each that comes later."""
        self._open.set()
