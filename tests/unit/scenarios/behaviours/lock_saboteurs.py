"""Runtimes that break one thing about locks, semaphores and conditions."""

from __future__ import annotations

from .fairness_saboteurs import Wrapped


def with_locks(kind):
    """Return a runtime whose locks and semaphores are wrapped."""

    class OtherLocks(Wrapped):
        """Its locks are other ones."""

        def create_lock(self):
            """Create one."""
            return kind.of(self.inner, self.inner.create_lock())

        def create_semaphore(self, permits):
            """Create one."""
            return kind.of(self.inner, self.inner.create_semaphore(permits))

    return OtherLocks


def with_conditions(kind):
    """Return a runtime whose conditions are wrapped."""

    class OtherConditions(Wrapped):
        """Its conditions are other ones."""

        def create_condition(self):
            """Create one."""
            return kind.of(self.inner, self.inner.create_condition())

    return OtherConditions


class Part(Wrapped):
    """A part that knows its runtime."""

    @classmethod
    def of(cls, runtime, inner):
        """Return one."""
        part = cls(inner)
        part.runtime = runtime
        return part


class KeepsWhenCancelled(Part):
    """Who is cancelled as it is handed the lock keeps it."""

    async def acquire(self):
        """Take it, and be cancelled thereafter."""
        await self.inner.acquire()
        await self.runtime.checkpoint()


class NeverReleases(Part):
    """A release does nothing."""

    async def release(self):
        """Do nothing."""


class GuardsNothing(Part):
    """Anybody may take it at any time."""

    async def acquire(self):
        """Take it at once."""

    async def release(self):
        """Do nothing."""


class LetsBarge(Part):
    """A release hands nothing over: who asks first has the lock, and the waiter looks again a turn later."""

    held = False

    async def acquire(self):
        """Look at it once a turn."""
        while self.held:
            await self.runtime.checkpoint()
        self.held = True

    async def release(self):
        """Let whoever looks next have it."""
        self.held = False

    def locked(self):
        """Return whether it is held."""
        return self.held


class WakesInReverse(Part):
    """The last to come is the first to be served."""

    held = False

    async def acquire(self):
        """Wait for an event of its own."""
        waiting = self.__dict__.setdefault("waiting", [])
        if self.held:
            turn = self.runtime.create_event()
            waiting.append(turn)
            await turn.wait()
        self.held = True

    async def release(self):
        """Wake the last."""
        if waiting := self.__dict__.get("waiting"):
            await waiting.pop().set()
        else:
            self.held = False


class NotifiesNobody(Part):
    """The first notification is lost."""

    lost = False

    async def notify(self, n=1):
        """Notify, but for the first time."""
        if self.lost:
            await self.inner.notify(n)
        self.lost = True


class NotifiesNever(Part):
    """Every notification is lost."""

    async def notify(self, n=1):
        """Do nothing."""


class NotifiesOne(Part):
    """At most one waiter is woken."""

    async def notify(self, n=1):
        """Notify one."""
        await self.inner.notify(min(n, 1))


class NotifiesWithoutLock(Part):
    """A notification does not need the lock."""

    async def notify_all(self):
        """Do nothing, and ask nobody."""


class WaitsWithoutLock(Part):
    """A wait that is cancelled ends without the lock."""

    async def wait(self):
        """Wait for something that never comes, without the lock."""
        await self.inner.release()
        await self.runtime.create_event().wait()


class KeepsNotifications(Part):
    """A notification for which there is no waiter is kept."""

    kept = 0
    inside = 0

    async def wait(self):
        """Take what was kept, or wait."""
        if self.kept:
            self.kept -= 1
            return
        self.inside += 1
        await self.inner.wait()

    async def notify(self, n=1):
        """Notify, and keep what is left."""
        self.kept += max(0, n - self.inside)
        self.inside = max(0, self.inside - n)
        await self.inner.notify(n)
