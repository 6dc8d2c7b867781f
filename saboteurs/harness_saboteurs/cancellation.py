"""Faults of cancellation: lost, swallowed, left behind, or let through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from types import TracebackType
from typing import Any

from harness.testing.wrapping import Block, Group, SabotagedRuntime, Scope

from .faults import fault

# --- cancellations that do not arrive ---


class _DeafGroup(Group):
    async def cancel(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        # A body that fails cancels no task either.
        ended = await self.manager.__aexit__(None, None, None)
        return ended and exc is None


class _DeafScope(Scope):
    async def cancel(self) -> None:
        pass


@fault("cancels-nothing", control="trio")
class _CancelsNothing(SabotagedRuntime):
    """Cancelling a scope or a group does nothing."""

    group = _DeafGroup
    scope = _DeafScope


class _CountingScope(Scope):
    async def cancel(self) -> None:
        if next(self.runtime.calls) % 2:
            await self.inner.cancel()


@fault("cancels-once", control="trio")
class _CancelsOnce(SabotagedRuntime):
    """Of two scopes that are cancelled one after the other only the first one is."""

    scope = _CountingScope

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.calls = count(1)


class _SparingGroup(Group):
    spared: int
    """Number of the task that is not cancelled, from 1."""
    spawned = 0

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        self.spawned += 1
        call = (self.healthy.run_shielded, fn) if self.spawned == self.spared else (fn,)
        await self.inner.spawn(*call, *args, name=name)


@fault("first-child-not-cancelled", control="trio")
class _FirstChildNotCancelled(_SparingGroup):
    """The first task of a group is not cancelled with it."""

    spared = 1


@fault("third-child-not-cancelled", control="trio")
class _ThirdChildNotCancelled(_SparingGroup):
    """The third task of a group is not cancelled with it."""

    spared = 3


class _InfectiousScope(Scope):
    async def __aenter__(self) -> Any:
        self.runtime.scopes.append(self.manager)
        return await super().__aenter__()

    async def cancel(self) -> None:
        scopes: list[Any] = self.runtime.scopes
        for scope in scopes[scopes.index(self.manager) :][:2]:
            await scope.cancel()


@fault("cancel-reaches-the-next-scope")
class _CancelReachesTheNextScope(SabotagedRuntime):
    """Cancelling a scope cancels the one that was opened after it as well."""

    scope = _InfectiousScope

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.scopes: list[Any] = []


@fault("sleep-swallows-cancellation")
class _SleepSwallowsCancellation(SabotagedRuntime):
    """A sleep that is cancelled returns as if its time were over."""

    async def sleep(self, seconds: float) -> None:
        try:
            await self.inner.sleep(seconds)
        except BaseException as exc:
            if not self.inner.is_cancelled(exc):
                raise


@fault("timed-call-swallows-cancellation")
class _TimedCallSwallowsCancellation(SabotagedRuntime):
    """A call with a time-out returns normally when its caller is cancelled."""

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        try:
            return await self.inner.run_with_timeout(seconds, fn, *args)
        except BaseException as exc:
            if not self.inner.is_cancelled(exc):
                raise


# --- cancellations that arrive where they should not ---


class _Stray(BaseException):
    """A cancellation without a request."""


class _LeakingBlock(Block):
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        swallowed = await self.manager.__aexit__(kind, exc, trace)
        self.runtime.stray = True
        return swallowed


@fault("cancellation-left-behind", control="trio")
class _CancellationLeftBehind(SabotagedRuntime):
    """Behind a block that could be cancelled the next checkpoint is."""

    stray = False

    def open_cancel_scope(self, **kwargs: Any) -> Any:
        return _LeakingBlock(self.inner.open_cancel_scope(**kwargs), self)

    def fail_after(self, seconds: float) -> Any:
        return _LeakingBlock(self.inner.fail_after(seconds), self)

    def is_cancelled(self, exc: BaseException) -> bool:
        return isinstance(exc, _Stray) or self.inner.is_cancelled(exc)

    async def checkpoint(self) -> None:
        if self.stray:
            self.stray = False
            raise _Stray
        await self.inner.checkpoint()


@fault("shields-nothing", control="trio")
class _ShieldsNothing(SabotagedRuntime):
    """A shield lets everything through."""

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        return await fn(*args)

    def open_cancel_scope(self, *, shield: bool = False, **kwargs: Any) -> Any:
        del shield
        return self.inner.open_cancel_scope(**kwargs)
