"""Faults of task groups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from harness.testing.wrapping import Group, SabotagedRuntime

from .faults import fault

_Fn = Callable[..., Awaitable[object]]


@fault("child-outlives-group")
class _ChildOutlivesGroup(Group):
    """A group ends before its tasks do."""

    async def spawn(self, fn: _Fn, *args: object, name: str | None = None) -> None:
        await self.healthy.spawn_detached(fn, *args, name=name)
        await self.healthy.checkpoint()  # so that it has begun when the group ends


@fault("children-one-by-one")
class _ChildrenOneByOne(Group):
    """A task of a group starts when the one before it has ended."""

    async def spawn(self, fn: _Fn, *args: object, name: str | None = None) -> None:
        del name
        await fn(*args)


class _CountingGroup(Group, ABC):
    spawned = 0

    async def spawn(self, fn: _Fn, *args: object, name: str | None = None) -> None:
        self.spawned += 1
        await self.spawn_number(self.spawned, fn, *args, name=name)

    @abstractmethod
    async def spawn_number(self, number: int, fn: _Fn, *args: object, name: str | None) -> None:
        """Start the task with this number, or not."""


@fault("child-never-starts")
class _ChildNeverStarts(_CountingGroup):
    """The second task of a group never runs."""

    async def spawn_number(self, number: int, fn: _Fn, *args: object, name: str | None) -> None:
        if number != 2:
            await self.inner.spawn(fn, *args, name=name)


@fault("child-runs-twice")
class _ChildRunsTwice(_CountingGroup):
    """The second task of a group runs twice."""

    async def spawn_number(self, number: int, fn: _Fn, *args: object, name: str | None) -> None:
        for _ in range(2 if number == 2 else 1):
            await self.inner.spawn(fn, *args, name=name)


@fault("late-child-accepted")
class _LateChildAccepted(Group):
    """A group that is cancelled or has ended still takes tasks, and runs them elsewhere."""

    is_over = False

    async def spawn(self, fn: _Fn, *args: object, name: str | None = None) -> None:
        spawn = self.healthy.spawn_detached if self.is_over else self.inner.spawn
        await spawn(fn, *args, name=name)

    async def cancel(self) -> None:
        self.is_over = True
        await self.inner.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        left = await super().__aexit__(kind, exc, trace)
        self.is_over = True
        return left


# --- failures ---


class _OnFailure(Group, ABC):
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return await super().__aexit__(kind, exc, trace)
        except BaseExceptionGroup as several:
            return await self.instead(several)

    @abstractmethod
    async def instead(self, several: BaseExceptionGroup[BaseException]) -> Any:
        """End otherwise than by the failures of the tasks."""


@fault("failure-wakes-nobody", control="trio")
class _FailureWakesNobody(_OnFailure):
    """The block of a group in which a task failed is never left."""

    async def instead(self, several: BaseExceptionGroup[BaseException]) -> Any:
        if several.split(Exception)[1] is not None:
            raise several  # it is being cancelled too
        await self.sleep_for_ever()


@fault("failure-swallowed", control="trio")
class _FailureSwallowed(_OnFailure):
    """A group ends its tasks as it should and then drops every error."""

    async def instead(self, several: BaseExceptionGroup[BaseException]) -> Any:
        del several
        return True


@fault("second-failure-lost", control="trio")
class _SecondFailureLost(_OnFailure):
    """Of several errors a group raises one and drops the others."""

    async def instead(self, several: BaseExceptionGroup[BaseException]) -> Any:
        raise several.exceptions[0] from None


@fault("failed-body-cancels-nobody", control="trio")
class _FailedBodyCancelsNobody(Group):
    """A group whose body failed waits for its tasks instead of cancelling them."""

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        if not isinstance(exc, Exception):
            return await super().__aexit__(kind, exc, trace)
        await super().__aexit__(None, None, None)
        return False


# --- what ends the program ---

_ENDS = (KeyboardInterrupt, SystemExit)


@fault("exit-swallowed", control="trio")
class _ExitSwallowed(_OnFailure):
    """A group swallows an exit or an interrupt, which should end the program."""

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            left = await super().__aexit__(kind, exc, trace)
        except _ENDS:
            return True
        return left or isinstance(exc, _ENDS)

    async def instead(self, several: BaseExceptionGroup[BaseException]) -> Any:
        if several.split(_ENDS)[1] is not None:
            raise several
        return True


@fault("detached-failure-lost")
class _DetachedFailureLost(SabotagedRuntime):
    """The exception of a detached task is dropped."""

    async def spawn_detached(self, fn: _Fn, *args: object, name: str | None = None) -> None:
        async def run() -> None:
            try:
                await fn(*args)
            except BaseException as exc:
                if self.inner.is_cancelled(exc):
                    raise

        await self.inner.spawn_detached(run, name=name)
