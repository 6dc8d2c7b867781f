"""A task that stands in a cancel scope of its own, to be cancelled by another one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from harness.api import CancelScope, Runtime, TaskGroup

from .question import Trial

TURNS = 20
"""Checkpoints that a task takes to show that it is not going to be cancelled. Delivery takes a loop at most three."""
FAR_SECONDS = 30.0
"""A time-out that no trial reaches."""


class Target:
    """State shared by the cancelled task and the canceller."""

    def __init__(self, runtime: Runtime, trial: Trial) -> None:
        self.answer = ""
        self._runtime = runtime
        self._trial = trial
        self._waits = runtime.create_event()
        self._called = runtime.create_event()
        self._never = runtime.create_event()
        self._scopes: list[CancelScope] = []

    def step(self, what: str) -> None:
        """Record a step of the task that is cancelled."""
        self._trial.step("target", what)

    def stand_in(self, scope: CancelScope) -> None:
        """Say which scope the canceller shall cancel."""
        self._scopes.append(scope)

    # --- the task that is cancelled ---
    async def say_that_it_waits(self) -> None:
        """Let the canceller go on; the very next thing is a wait, so that on a loop nothing comes between."""
        self.step("waits")
        await self._waits.set()

    async def wait_for_ever(self) -> None:
        """Wait for what never comes."""
        await self.say_that_it_waits()
        await self._never.wait()

    async def outlive_the_call(self) -> None:
        """Wait until `cancel` has been called, and then long enough that it would have been delivered."""
        await self._called.wait()
        for _ in range(TURNS):
            await self._runtime.checkpoint()

    # --- the task that cancels ---
    async def until_it_waits(self) -> None:
        """Return when the task is in its wait (on threads: about to be)."""
        await self._waits.wait()

    async def cancel(self) -> None:
        """Cancel the scope, innermost first if there are several, and say so."""
        self._trial.step("canceller", "cancels")
        for scope in reversed(self._scopes):
            await scope.cancel()
        await self._called.set()

    async def cancel_in(self, work: Callable[[], Awaitable[None]]) -> str:
        """Run the task, cancel it when it waits, and return its answer when it has ended."""
        async with self._runtime.open_task_group() as group:
            await group.spawn(work)
            await self.until_it_waits()
            await self.cancel()
        return self.answer

    async def say_when_cancelled(self, witness: Target) -> None:
        """Say that the cancellation was called when a witness sees it: for a canceller that cannot say so itself."""
        try:
            await witness.wait_for_ever()
        finally:
            await self._called.set()


class PlannedFailureError(Exception):
    """Ends the body of a group on purpose."""


@asynccontextmanager
async def open_failing_group(runtime: Runtime) -> AsyncIterator[TaskGroup]:
    """Open a group whose body will raise a `PlannedFailureError`."""
    try:
        async with runtime.open_task_group() as group:
            yield group
    except PlannedFailureError:
        pass
    except BaseExceptionGroup as several:
        _, others = several.split(PlannedFailureError)
        if others is not None:
            raise others from None


@contextmanager
def swallowing(runtime: Runtime) -> Iterator[None]:
    """Swallow the cancellation that ends the block, as no program should."""
    try:
        yield
    except BaseException as exc:
        if not runtime.is_cancelled(exc):
            raise
