"""Faults of timers: early, coarse, forgotten."""

from __future__ import annotations

import math
import time
from itertools import count
from typing import Any

from harness.testing.wrapping import SabotagedRuntime

from .faults import fault

_DAY_SECONDS = 86_400


@fault("timer-early")
class _TimerEarly(SabotagedRuntime):
    """A sleep returns after half of its time."""

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds / 2)


@fault("timer-rounds-up")
class _TimerRoundsUp(SabotagedRuntime):
    """A sleep takes a multiple of 10 ms."""

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(math.ceil(seconds * 100) / 100)


@fault("long-sleep-returns")
class _LongSleepReturns(SabotagedRuntime):
    """A sleep for more than a day overflows and is over."""

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds if seconds < _DAY_SECONDS else 0)


@fault("negative-sleep-never-ends")
class _NegativeSleepNeverEnds(SabotagedRuntime):
    """A sleep for a negative time never ends."""

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds if seconds >= 0 else math.inf)


@fault("timers-stop-at-nan")
class _TimersStopAtNan(SabotagedRuntime):
    """A sleep for a time that is not a number stops all timers that come after it."""

    stopped = False

    async def sleep(self, seconds: float) -> None:
        self.stopped = self.stopped or math.isnan(seconds)
        await self.inner.sleep(math.inf if self.stopped else seconds)


@fault("deadline-early")
class _DeadlineEarly(SabotagedRuntime):
    """A deadline passes after half of its time."""

    def open_cancel_scope(self, *, deadline: float | None = None, **kwargs: Any) -> Any:
        now = self.inner.now()
        return self.inner.open_cancel_scope(
            deadline=deadline if deadline is None else now + (deadline - now) / 2, **kwargs
        )

    def move_on_after(self, seconds: float) -> Any:
        return self.inner.move_on_after(seconds / 2)

    def fail_after(self, seconds: float) -> Any:
        return self.inner.fail_after(seconds / 2)


@fault("loop-blocked")
class _LoopBlocked(SabotagedRuntime):
    """A sleep holds the whole scheduler for 200 ms, once."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._sleeps = count(1)

    async def sleep(self, seconds: float) -> None:
        if next(self._sleeps) == 5:
            time.sleep(max(0.2, seconds))  # noqa: ASYNC251 - that is the fault
        else:
            await self.inner.sleep(seconds)
