"""A clock that a test moves, so that no test waits for time to pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from harness.api import Runtime
from harness.testing.wrapping import Wrapped


class FakeClock:
    """Time that passes only when a test advances it, or when a governed runtime has nothing to do but wait for a timer.

    Put `read` or `read_ns` in the place of a clock that the code under test reads
    (`monkeypatch.setattr(module, "perf_counter_ns", clock.read_ns)`), and `govern` a runtime to have its timers end by
    this clock as well.

    Args:
        now: the first reading, in seconds.
        base: a clock whose time passes too, e.g. `time.perf_counter`. `advance` is then a freeze of everything that
            reads this clock, which takes no time.
    """

    def __init__(self, now: float = 1000.0, base: Callable[[], float] | None = None) -> None:
        self._base = base
        self._offset = now - (base() if base is not None else 0.0)

    def read(self) -> float:
        """Return the time in seconds."""
        return self._offset + (self._base() if self._base is not None else 0.0)

    def read_ns(self) -> int:
        """Return the time in nanoseconds."""
        return round(self.read() * 1e9)

    def poll(self) -> float:
        """Return the time after a tenth of a millisecond: for code that reads a clock until it has moved."""
        self.advance(1e-4)
        return self.read()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._offset += seconds

    def govern(self, runtime: Runtime) -> Runtime:
        """Return a runtime that goes by this clock: where its event loop would wait for a timer, the time jumps.

        Call it in the loop's own thread. Sockets and other threads take real time, in which the clock may jump ahead of
        them: use it where tasks wait for each other and for timers only.

        Raises:
            TypeError: the scheduler is no asyncio event loop on a selector. (trio has `trio.testing.MockClock`.)
        """
        loop: Any = runtime.scheduler()
        selector = getattr(loop, "_selector", None)
        if selector is None or not hasattr(loop, "time"):
            raise TypeError(f"cannot govern {type(loop).__name__}: it is no asyncio event loop on a selector")
        select = selector.select

        def jump(timeout: float | None) -> Any:
            # The loop ends: it waits for its threads, and its time limit for them is for real time.
            is_ending = getattr(loop, "_executor_shutdown_called", False)
            if timeout is None or is_ending:
                return select(timeout)
            events = select(0)
            if not events:
                self.advance(timeout)
            return events

        loop.time, selector.select = self.read, jump
        return cast("Runtime", _Governed(runtime, self))


class _Governed(Wrapped):
    def __init__(self, inner: Runtime, clock: FakeClock) -> None:
        super().__init__(inner)
        self.now = clock.read
