"""Faults of who runs when, and of how a run ends."""

from __future__ import annotations

import os

from harness.testing.wrapping import Part, SabotagedRuntime, Stream

from .faults import fault


class _StreamServedWhenIdle(Stream):
    async def receive_some(self, max_bytes: int) -> bytes:
        data: bytes = await self.inner.receive_some(max_bytes)
        await self.runtime.until_idle()
        return data


@fault("busy-tasks-starve")
class BusyTasksStarve(SabotagedRuntime):
    """Timers and sockets are served only when no task is ready any more."""

    stream: type[Part] | None = _StreamServedWhenIdle
    """Served when no task takes turns."""
    turns: int = 0
    """How many turns were taken."""

    async def checkpoint(self) -> None:
        """Take a turn."""
        self.turns += 1
        await self.inner.checkpoint()

    async def sleep(self, seconds: float) -> None:
        """Sleep until there is nothing else to do."""
        await self.inner.sleep(seconds)
        await self.until_idle()

    async def until_idle(self) -> None:
        """Wait until no turn is taken for a moment."""
        seen = -1
        while seen != self.turns:
            seen = self.turns
            await self.inner.sleep(0.005)


@fault("checkpoint-yields-nothing")
class _CheckpointYieldsNothing(SabotagedRuntime):
    """A checkpoint lets no other task run."""

    async def checkpoint(self) -> None:
        pass


@fault("exits-silently")
class _ExitsSilently(SabotagedRuntime):
    """The process ends with exit code 0 and without a result."""

    async def checkpoint(self) -> None:
        os._exit(0)

    async def sleep(self, seconds: float) -> None:
        del seconds
        os._exit(0)
