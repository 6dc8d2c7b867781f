"""Runtimes that break one thing about who runs when; and one that waits less long for what never comes."""

from __future__ import annotations


class Wrapped:
    """A runtime, or a part of one, that is another one but for what a subclass breaks."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Impatient(Wrapped):
    """Ends a trial after 0.3 s: for trials that are known to hang."""

    def move_on_after(self, seconds):
        """Move on, but not late."""
        return self.inner.move_on_after(min(seconds, 0.3))


def impatient(saboteur):
    """Return a wrapping by a saboteur whose trials hang."""
    return {"main": lambda runtime: Impatient(saboteur(runtime))}


class DeafEvents(Wrapped):
    """Its events wake nobody who already waits."""

    def create_event(self):
        """Return an event that is polled once."""
        return DeafEvent(self.inner.create_event(), self.inner.create_event())


class DeafEvent(Wrapped):
    """An event whose waiters sleep on."""

    def __init__(self, inner, never):
        super().__init__(inner)
        self.never = never

    async def wait(self):
        """Return only if it is set."""
        if not self.inner.is_set():
            await self.never.wait()


class ServesWhenIdle(Wrapped):
    """Its timers and sockets are served only when nobody takes turns any more."""

    turns = 0

    async def checkpoint(self):
        """Take a turn."""
        self.turns += 1
        await self.inner.checkpoint()

    async def sleep(self, seconds):
        """Sleep until there is nothing else to do."""
        await self.inner.sleep(seconds)
        await self.until_idle()

    async def connect(self, *address):
        """Return a stream that is as slow."""
        return ServedWhenIdle(await self.inner.connect(*address), self)

    async def until_idle(self):
        """Wait until no turn is taken for a moment."""
        seen = -1
        while seen != self.turns:
            seen = self.turns
            await self.inner.sleep(0.005)


class ServedWhenIdle(Wrapped):
    """A stream of such a runtime."""

    def __init__(self, inner, runtime):
        super().__init__(inner)
        self.runtime = runtime

    async def receive_some(self, max_bytes):
        """Receive when there is nothing else to do."""
        data = await self.inner.receive_some(max_bytes)
        await self.runtime.until_idle()
        return data


class ServesLate(ServesWhenIdle):
    """Its timers and sockets are served two thousand turns late."""

    async def until_idle(self):
        """Let the others take two thousand turns."""
        for _ in range(2000):
            await self.inner.checkpoint()
