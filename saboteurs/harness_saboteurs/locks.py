"""Faults of locks, semaphores, conditions and events."""

from __future__ import annotations

from itertools import count
from typing import Any

from harness.api import Event as HealthyEvent
from harness.api import Lock as HealthyLock
from harness.testing.wrapping import Condition, Event, Held, Lock, SabotagedRuntime

from .faults import fault

# --- locks and semaphores ---


@fault("lock-open")
class _LockOpen(Lock):
    """A lock or a semaphore never blocks."""

    async def acquire(self) -> None:
        pass

    async def release(self) -> None:
        pass


@fault("lock-never-released")
class _LockNeverReleased(Lock):
    """The release of a lock or a semaphore does nothing."""

    async def release(self) -> None:
        pass


@fault("lock-lost-with-its-waiter")
class _LockLostWithItsWaiter(Lock):
    """A waiter that is cancelled as it is handed the lock keeps it."""

    async def acquire(self) -> None:
        await self.inner.acquire()
        await self.healthy.checkpoint()


# --- conditions ---


@fault("notify-lost")
class _NotifyLost(Condition):
    """A notification wakes no task."""

    async def notify(self, n: int = 1) -> None:
        pass


@fault("first-notify-lost", control="threads")
class _FirstNotifyLost(Condition):
    """The first notification of a condition wakes no task."""

    lost = False

    async def notify(self, n: int = 1) -> None:
        if self.lost:
            await self.inner.notify(n)
        self.lost = True


@fault("notify-wakes-one")
class _NotifyWakesOne(Condition):
    """A notification wakes one waiter, whatever it was asked to."""

    async def notify(self, n: int = 1) -> None:
        await self.inner.notify(min(n, 1))


@fault("notification-kept")
class _NotificationKept(Condition):
    """A notification for which there is no waiter is kept for a later one."""

    kept = 0
    inside = 0

    async def wait(self) -> None:
        if self.kept:
            self.kept -= 1
            return
        self.inside += 1
        await self.inner.wait()

    async def notify(self, n: int = 1) -> None:
        self.kept += max(0, n - self.inside)
        self.inside = max(0, self.inside - n)
        await self.inner.notify(n)


@fault("notify-without-lock", control="threads")
class _NotifyWithoutLock(Condition):
    """A notification by a task without the lock does nothing and does not raise."""

    async def notify_all(self) -> None:
        pass


@fault("wait-ends-without-lock", control="threads")
class _WaitEndsWithoutLock(Condition):
    """A wait that is cancelled ends without the lock."""

    async def wait(self) -> None:
        await self.inner.release()
        await self.sleep_for_ever()


@fault("cancelled-wait-wakes-another", control="trio")
class _CancelledWaitWakesAnother(Condition):
    """A wait that is cancelled notifies another waiter, whether or not it was notified itself."""

    async def wait(self) -> None:
        try:
            await self.inner.wait()
        except BaseException:
            await self.inner.notify()
            raise


class _CarelessCondition(Held):
    event: HealthyEvent

    async def wait(self) -> None:
        await self.release()
        try:
            await self.event.wait()
        finally:
            await self.acquire()

    async def notify(self, n: int = 1) -> None:
        del n
        await self.event.set()


@fault("wait-cancelled-while-it-locks", control="trio")
class _WaitCancelledWhileItLocks(SabotagedRuntime):
    """A wait takes its lock again in a way that can be cancelled, and ends without it."""

    def create_condition(self) -> Any:
        lock: HealthyLock = self.inner.create_lock()
        condition = _CarelessCondition(lock, self)
        condition.event = self.inner.create_event()
        return condition


# --- events ---


@fault("event-wakes-nobody")
class _EventWakesNobody(Event):
    """A task that waits for an event is not woken when it is set."""

    async def wait(self) -> None:
        if not self.inner.is_set():
            await self.sleep_for_ever()


@fault("event-forgets-a-waiter")
class _EventForgetsAWaiter(Event):
    """The third task that waits for an event is not woken."""

    def __init__(self, inner: Any, runtime: SabotagedRuntime) -> None:
        super().__init__(inner, runtime)
        self._waiters = count(1)

    async def wait(self) -> None:
        if next(self._waiters) == 3:
            await self.sleep_for_ever()
        await self.inner.wait()


@fault("event-spins")
class _EventSpins(Event):
    """Waiting for an event takes a whole CPU."""

    async def wait(self) -> None:
        while not self.inner.is_set():
            await self.healthy.checkpoint()
