"""asyncio under a chosen schedule, on a virtual clock.

The stock loop is subclassed: steps of tasks are permuted within a turn of the loop, plain callbacks keep the FIFO order
that asyncio documents. The queue of another loop is out of reach: there a task waits a few turns before it resumes,
which any task may do, and only the timers are virtual (see `harness_asyncio.turns`).
"""

from __future__ import annotations

import asyncio
import asyncio.taskgroups
from collections.abc import Callable, Mapping
from typing import Any

from harness.api import ProgramMain, Runtime, Schedule, StuckError, UnhandledReport
from harness.explore.ordered import ordered_sets

from .backend import load_eager_task_factory, load_loop_factory, runtime_class

_START = 1000.0
"""First reading of the virtual clock, in seconds: not 0, so that a time in the past can be named."""
_RESOLUTION = 1e-9


class _JumpingSelector:
    """A selector of no descriptors, which never waits: where the loop would, it moves the loop's clock instead."""

    def __init__(self) -> None:
        self.loop: VirtualLoop | None = None

    def select(self, timeout: float | None = None) -> tuple[()]:
        if timeout != 0 and self.loop is not None:
            self.loop.rest(timeout)
        return ()

    def close(self) -> None:
        """Do nothing."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The stock loop on a virtual clock, with steps of tasks in the order of a schedule."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        self._now = _START
        self.schedule: Schedule | None = None
        self.on_stuck: Callable[[], None] = _ignore
        self._resting: asyncio.Future[None] | None = None
        super().__init__(selector)  # type: ignore[arg-type]  # a selector in all that the loop calls
        self._clock_resolution = _RESOLUTION
        selector.loop = self

    def _make_self_pipe(self) -> None:
        """Make none: no thread wakes this loop, and a pipe costs more than a small program."""

    def _close_self_pipe(self) -> None:
        """Close none."""

    def time(self) -> float:
        """Return the virtual time."""
        return self._now

    async def idle(self) -> None:
        """Wait until nothing else can run and no timer is left."""
        self._resting = self.create_future()
        await self._resting

    def rest(self, timeout: float | None) -> None:
        """Move the clock to the next timer; without one, wake the task that waits for the rest.

        Raises:
            StuckError: there is none.
        """
        if timeout is not None:
            self._now += timeout + _RESOLUTION
            return
        resting, self._resting = self._resting, None
        if resting is None or resting.done():
            self.on_stuck()
            raise StuckError("nothing can run")
        resting.set_result(None)

    def _run_once(self) -> None:
        if self.schedule is not None and len(self._ready) > 1:  # type: ignore[attr-defined]
            self._permute(self.schedule)
        super()._run_once()  # type: ignore[misc]

    def _permute(self, schedule: Schedule) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        places = [place for place, handle in enumerate(ready) if _task_of(handle) is not None]
        steps = [ready[place] for place in places]
        for place in places[:-1]:
            ready[place] = steps.pop(schedule.pick([_task_of(step) for step in steps]))
        if places:
            ready[places[-1]] = steps[0]


def _task_of(handle: Any) -> asyncio.Task[Any] | None:
    owner = getattr(handle._callback, "__self__", None)  # noqa: SLF001 - asyncio has no other name for it
    return owner if isinstance(owner, asyncio.Task) else None


class AsyncioSchedules:
    """Runs programs on the stock loop, or on the loop of `loop=`."""

    name = "asyncio"
    keeps_order = True

    def __init__(self, options: Mapping[str, str]) -> None:
        loop = options.get("loop", "")
        self._other_loop = load_loop_factory(loop) if loop else None
        self._runtime_class = runtime_class(options)
        self._task_factory = load_eager_task_factory() if options.get("eager") == "true" else None

    def run(self, main: ProgramMain, schedule: Schedule, unhandled: UnhandledReport, stuck: Callable[[], None]) -> None:
        """Run `main` on a fresh loop."""
        loop = self._open(schedule)
        loop.on_stuck = stuck
        loop.set_exception_handler(lambda _loop, context: unhandled(context.get("exception"), context["message"]))
        asyncio.set_event_loop(loop)
        try:
            with ordered_sets(asyncio.taskgroups):
                loop.run_until_complete(_call(main, self._runtime_class(self.name, loop), loop))
        except RuntimeError as exc:
            if getattr(loop, "stuck", False):  # a loop that is not ours can only be stopped
                raise StuckError("nothing can run") from exc
            raise
        finally:
            _close(loop)

    def _open(self, schedule: Schedule) -> Any:
        if self._other_loop is not None:
            from .turns import open_loop  # only where the queue is out of reach

            return open_loop(self._other_loop, schedule)
        loop = VirtualLoop()
        if self._task_factory is not None:
            loop.set_task_factory(self._task_factory)
        loop.schedule = None if schedule.native else schedule
        return loop


def _ignore() -> None:
    """Do nothing: tasks that are stuck while the loop is closed have been judged."""


async def _call(main: ProgramMain, runtime: Runtime, loop: Any) -> None:
    try:
        await main(runtime, loop.idle)
    finally:
        loop.on_stuck = _ignore


def _close(loop: Any) -> None:
    """Cancel the remaining tasks, as `asyncio.Runner` does, and close the loop whatever comes of it."""
    loop.on_stuck = _ignore
    loop.set_exception_handler(lambda *_: None)
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(_settle(left))
    except (StuckError, RuntimeError):
        pass  # tasks that a program has blocked for good are dropped with the loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _settle(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks)
