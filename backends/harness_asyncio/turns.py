"""A loop whose ready queue is out of reach: extra turns before a task resumes, and virtual timers.

Works on every asyncio-compatible loop whose class can be subclassed, uvloop among them. The loop runs its own queue;
timers are kept here, and fire when the loop has had nothing to run for a turn.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from functools import cache
from itertools import count
from typing import Any, Protocol

from harness.api import Schedule

_START = 1000.0
_QUIET_TURNS = 2
"""Turns of the loop without a callback after which nothing is ready: one may lie between a wake-up and its step."""


class _Timer(asyncio.TimerHandle):
    """A timer of the virtual clock; cancelling it needs nothing of the loop."""

    def cancel(self) -> None:
        """Mark it; the heap drops it when its time comes."""
        if not self.cancelled():
            asyncio.Handle.cancel(self)


class VirtualTimers:
    """Takes the place of a loop's clock and timers. A mix-in, in front of the loop's class."""

    _now = _START
    _scheduled_calls = 0
    _resting: asyncio.Future[None] | None = None
    stuck = False
    on_stuck: Callable[[], None]

    def start(self) -> None:
        """Begin to watch whether anything runs."""
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = count()
        self._quiet = 0
        super().call_soon(self._watch)  # type: ignore[misc]

    def time(self) -> float:
        """Return the virtual time."""
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Hand it to the loop, and note that something is ready."""
        self._scheduled_calls += 1
        return super().call_soon(callback, *args, context=context)  # type: ignore[misc]

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Keep a timer."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Keep a timer."""
        timer = _Timer(when, callback, args, self, context)  # type: ignore[arg-type]
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    async def idle(self) -> None:
        """Wait until nothing else can run and no timer is left."""
        self._resting = asyncio.get_running_loop().create_future()
        await self._resting

    def _watch(self) -> None:
        # Runs once a turn. `call_soon` of the base is not counted, so that the watch does not see itself.
        seen, self._scheduled_calls = self._scheduled_calls, 0
        self._quiet = 0 if seen else self._quiet + 1
        if self._quiet >= _QUIET_TURNS:
            self._quiet = 0
            self._advance()
        super().call_soon(self._watch)  # type: ignore[misc]

    def _advance(self) -> None:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if self._timers:
            self._now = max(self._now, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self._now:
                timer = heapq.heappop(self._timers)[2]
                if not timer.cancelled():
                    self.call_soon(timer._run)  # noqa: SLF001 - as the stock loop does
            return
        resting, self._resting = self._resting, None
        if resting is not None and not resting.done():
            resting.set_result(None)
            return
        self.on_stuck()
        self.stuck = True
        self.stop()  # type: ignore[attr-defined]


@cache
def _with_virtual_timers(kind: type) -> type:
    return type(f"Virtual{kind.__name__}", (VirtualTimers, kind), {})


def open_loop(factory: Callable[[], asyncio.AbstractEventLoop], schedule: Schedule) -> Any:
    """Open a loop of the factory's class, whose tasks take the extra turns that a schedule asks for."""
    probe = factory()
    kind = type(probe)
    probe.close()
    loop: Any = _with_virtual_timers(kind)()  # type: ignore[arg-type]  # every class has a hash
    loop.start()
    loop.set_task_factory(None if schedule.native else _delaying(schedule))
    return loop


def _delaying(schedule: Schedule) -> Any:
    def make_task(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Delayed(coro, schedule), loop=loop, **kwargs)

    return make_task


class Delays(Protocol):
    """The turns that steps of a task wait: a `Schedule`, for example."""

    def delay(self) -> int:
        """Return those of the next step."""


class Delayed(Coroutine[Any, Any, Any]):
    """A coroutine that yields a few turns before each of its steps; a cancellation is delivered at once."""

    def __init__(self, inner: Coroutine[Any, Any, Any], schedule: Delays) -> None:
        self._inner = inner
        self._schedule = schedule
        self._left = schedule.delay()

    def send(self, value: Any) -> Any:
        """Yield a turn, or run a step."""
        if self._left > 0:
            self._left -= 1
            return None  # a bare yield: the task is put at the end of the queue
        return self._waiting(self._inner.send(value))

    def throw(self, *details: Any) -> Any:
        """Raise in the coroutine, without a delay."""
        self._left = 0
        return self._waiting(self._inner.throw(*details))

    def _waiting(self, awaited: Any) -> Any:
        self._left = 0 if awaited is None else self._schedule.delay()
        return awaited

    def close(self) -> None:
        """Close the coroutine."""
        self._inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)  # its frame and its names, which tracebacks and libraries look for

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)
