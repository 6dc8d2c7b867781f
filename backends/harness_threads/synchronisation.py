"""Event, lock, semaphore and condition: the algorithms of `threading`, with waits that `cancel` can interrupt."""

from __future__ import annotations

import threading
from collections import deque

from .scopes import Waiter, here, notify, notify_all, wait_in


class Event:
    """As `threading.Event`."""

    __slots__ = ("_flag", "_waiters")

    def __init__(self) -> None:
        self._flag = False
        self._waiters: deque[Waiter] = deque()

    async def set(self) -> None:
        """Set the flag and wake all waiters."""
        self._flag = True  # before waking: who queues up later looks at the flag once more
        notify_all(self._waiters)

    def is_set(self) -> bool:
        """Return the flag."""
        return self._flag

    async def wait(self) -> bool:
        """Wait for the flag."""
        if not self._flag:
            waiter = Waiter(self._waiters)
            self._waiters.append(waiter)
            if self._flag:
                waiter.withdraw()
            else:
                here.task.park(waiter)
        return True


class Lock:
    """A `threading.Lock`, which decides the owner; a task that does not get it at once waits beside it.

    Like there a release hands nothing over: it wakes a waiter, and whoever asks first has the lock, so that
    `release(); acquire()` in a loop starves the others. A task that cannot be cancelled waits in the lock itself.
    """

    __slots__ = ("_lock", "_waiters", "locked")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: deque[Waiter] = deque()
        self.locked = self._lock.locked

    async def acquire(self) -> bool:
        """Wait for the lock and take it."""
        return self._lock.acquire(blocking=False) or self._wait()

    def _wait(self) -> bool:
        task = here.task
        if task.scope is None:
            return self._lock.acquire()
        while True:
            waiter = Waiter(self._waiters)
            self._waiters.append(waiter)
            # Once more, as a release may have found the queue empty. If this one wakes us although we have the lock,
            # nothing is lost: our own release wakes the next.
            if self._lock.acquire(blocking=False):
                waiter.withdraw()
                return True
            task.park(waiter)
            if self._lock.acquire(blocking=False):
                return True

    async def release(self) -> None:
        """Give the lock up and wake one waiter."""
        self.free()

    def free(self) -> None:
        """Do what `release` does."""
        self._lock.release()
        if self._waiters:
            notify(self._waiters)

    def take(self) -> None:
        """Wait for the lock and take it, whatever is cancelled."""
        self._lock.acquire()

    async def __aenter__(self) -> bool:
        return self._lock.acquire(blocking=False) or self._wait()

    async def __aexit__(self, *exc: object) -> None:
        self.free()


class Semaphore:
    """As `threading.Semaphore`."""

    __slots__ = ("_mutex", "_permits", "_waiters")

    def __init__(self, permits: int) -> None:
        if permits < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._mutex = threading.Lock()
        self._permits = permits
        self._waiters: deque[Waiter] = deque()

    async def acquire(self) -> bool:
        """Wait for a permit and take it."""
        with self._mutex:
            while not self._permits:
                wait_in(self._waiters, self._mutex)
            self._permits -= 1
        return True

    async def release(self) -> None:
        """Give a permit back and wake one waiter."""
        with self._mutex:
            self._permits += 1
            if self._waiters:
                notify(self._waiters)

    async def __aenter__(self) -> bool:
        return await self.acquire()

    async def __aexit__(self, *exc: object) -> None:
        await self.release()


class Condition:
    """As `threading.Condition(threading.Lock())`."""

    __slots__ = ("_lock", "_waiters", "acquire", "release")

    def __init__(self) -> None:
        self._lock = lock = Lock()
        self._waiters: deque[Waiter] = deque()
        self.acquire = lock.acquire
        self.release = lock.release

    async def wait(self) -> bool:
        """Release, wait for a notification, acquire again; the latter cannot be cancelled."""
        self._require_lock("wait on")
        waiter = Waiter(self._waiters)
        self._waiters.append(waiter)
        self._lock.free()
        try:
            here.task.park(waiter)
        finally:
            self._lock.take()
        return True

    async def notify(self, n: int = 1) -> None:
        """Wake up to `n` waiters."""
        self._require_lock("notify on")
        notify(self._waiters, n)

    async def notify_all(self) -> None:
        """Wake all waiters."""
        self._require_lock("notify on")
        notify_all(self._waiters)

    def _require_lock(self, what: str) -> None:
        if not self._lock.locked():
            raise RuntimeError(f"cannot {what} un-acquired lock")

    async def __aenter__(self) -> bool:
        return await self.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._lock.free()
