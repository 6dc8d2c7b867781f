"""Event, lock, semaphore and condition: `gevent.event` and `gevent.lock`."""

from __future__ import annotations

from collections import deque
from typing import Any

from gevent import event, lock


class Event:
    """`gevent.event.Event`."""

    def __init__(self) -> None:
        self._event: Any = event.Event()
        self.is_set = self._event.is_set

    async def set(self) -> None:
        """Set the flag."""
        self._event.set()

    async def wait(self) -> object:
        """Wait for the flag."""
        return self._event.wait()


class Semaphore:
    """`gevent.lock.Semaphore`."""

    def __init__(self, permits: int) -> None:
        self._semaphore: Any = lock.Semaphore(permits)

    async def acquire(self) -> object:
        """Take a permit."""
        return self._semaphore.acquire()

    async def release(self) -> None:
        """Give it back."""
        self._semaphore.release()

    async def __aenter__(self) -> object:
        return self._semaphore.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._semaphore.release()


class Lock(Semaphore):
    """`gevent.lock.BoundedSemaphore(1)`: gevent has no class for a lock that is not re-entrant."""

    def __init__(self) -> None:
        self._semaphore = lock.BoundedSemaphore(1)
        self.locked = self._semaphore.locked


class Condition(Lock):
    """The algorithm of `threading.Condition`, which gevent has only where it patches the standard library."""

    def __init__(self) -> None:
        super().__init__()
        self._waiters: deque[Any] = deque()

    async def wait(self) -> object:
        """Release, wait for a notification, acquire again; an exception thrown meanwhile waits for the lock too."""
        self._require_lock("wait on")
        waiter = event.Event()
        self._waiters.append(waiter)
        self._semaphore.release()
        thrown: BaseException | None = None
        try:
            waiter.wait()
        except BaseException as exc:
            thrown = exc
        thrown = self._take() or thrown
        if thrown is not None:
            if waiter.is_set():  # notified, and thrown out: the notification goes on to the next
                self._wake(1)
            else:
                self._waiters.remove(waiter)
            raise thrown
        return True

    def _take(self) -> BaseException | None:
        """Take the lock, whatever is thrown meanwhile, and return that."""
        thrown: BaseException | None = None
        while True:
            try:
                self._semaphore.acquire()
                return thrown
            except BaseException as exc:
                thrown = exc

    async def notify(self, n: int = 1) -> None:
        """Wake up to `n` waiters."""
        self._require_lock("notify on")
        self._wake(n)

    async def notify_all(self) -> None:
        """Wake all waiters."""
        self._require_lock("notify on")
        self._wake(len(self._waiters))

    def _wake(self, count: int) -> None:
        for _ in range(min(count, len(self._waiters))):
            self._waiters.popleft().set()

    def _require_lock(self, what: str) -> None:
        if not self.locked():
            raise RuntimeError(f"cannot {what} un-acquired lock")
