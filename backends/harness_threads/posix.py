"""Wait for file descriptors, in a way that another thread can end."""

from __future__ import annotations

import math
import os
import select
import sys
import threading
from time import monotonic

NEVER = float("inf")
RING = (1).to_bytes(8, sys.byteorder)
"""The bytes that an eventfd expects; a pipe takes them as well."""


def await_ready(fd: int, events: int) -> None:
    """Block until `fd` has one of the `select.poll` events, whatever happens elsewhere."""
    poller = select.poll()
    poller.register(fd, events)
    while not poller.poll():
        pass


class Bell:
    """Wake-up of a task that waits for a socket: an eventfd (or a pipe) that another thread can make readable."""

    __slots__ = ("_closed", "_events", "_mutex", "_poller", "_receiver", "_sender", "_watched")

    def __init__(self) -> None:
        if sys.platform == "linux":
            self._receiver = self._sender = os.eventfd(0, os.EFD_CLOEXEC)
        else:
            self._receiver, self._sender = os.pipe()
        self._poller = select.poll()
        self._poller.register(self._receiver, select.POLLIN)
        self._watched: int | None = None
        self._events = 0
        self._mutex = threading.Lock()
        self._closed = False

    def watch(self, fd: int, events: int) -> None:
        """Set the subject of the next wait. It stays until another wait is about something else."""
        if fd != self._watched:
            if self._watched is not None:
                self._poller.unregister(self._watched)
            self._watched = fd
        elif events == self._events:
            return
        self._events = events
        self._poller.register(fd, events)

    def wait(self, until: float) -> bool:
        """Block until the watched descriptor is ready (`True`), or the bell rings or `until` has come (`False`)."""
        milliseconds = None if until == NEVER else math.ceil(max(until - monotonic(), 0) * 1000)
        ready = self._poller.poll(milliseconds)
        # The bell first: it makes the kernel look at the other number anew, which by now may be closed, or a
        # stranger's. A ready descriptor stays so, and an old ring, meant for a wait that is over, costs one more round.
        if any(fd == self._receiver for fd, _ in ready):
            os.read(self._receiver, 8)
            return False
        # Another thread's close() wakes no waiter; the kernel notices it as it looks again at the end of the time. Then
        # the time is what ended this wait, as without a deadline nothing would.
        is_closed = any(events & select.POLLNVAL for _, events in ready)
        return bool(ready) and not (is_closed and until <= monotonic())

    def interrupt(self) -> None:
        """Ring, from another thread."""
        with self._mutex:  # the number of a closed descriptor may by now be another socket
            if not self._closed:
                os.write(self._sender, RING)

    def close(self) -> None:
        """Close the descriptors."""
        with self._mutex:
            self._closed = True
            os.close(self._receiver)
            if self._sender != self._receiver:
                os.close(self._sender)
