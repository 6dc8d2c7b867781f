"""Faults of deadlines: forgotten, hidden, or charged to another block."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from harness.api import DeadlineExceeded
from harness.testing.wrapping import Block, SabotagedRuntime, Scope

from .faults import fault

_LONG_SECONDS = 1.0
"""A deadline as far as that is the limit of a trial, which no fault may take away."""


class _SilentScope(Scope):
    cancelled_caught = False


@fault("time-out-hidden", control="trio")
class _TimeOutHidden(SabotagedRuntime):
    """A block that was cut short does not report it."""

    scope = _SilentScope

    def fail_after(self, seconds: float) -> Any:
        return self.inner.move_on_after(seconds)


@fault("scope-lies")
class _ScopeLies(Scope):
    """A scope reports a cancellation that did not happen, and hides one that did."""

    @property
    def cancelled_caught(self) -> bool:
        return not self.inner.cancelled_caught


class _BlamingBlock(Block):
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        if exc is not None and self.healthy.is_cancelled(exc):
            await self.manager.__aexit__(kind, exc, trace)
            raise DeadlineExceeded
        return await self.manager.__aexit__(kind, exc, trace)


@fault("wrong-scope-blamed", control="trio")
class _WrongScopeBlamed(SabotagedRuntime):
    """Whichever deadline passes, the innermost block reports a time-out."""

    def fail_after(self, seconds: float) -> Any:
        return _BlamingBlock(self.inner.fail_after(seconds), self)


class _NestedBlock(Block):
    async def __aenter__(self) -> Any:
        self.runtime.blocks.append(self)
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        self.runtime.blocks.remove(self)
        swallowed = await self.manager.__aexit__(kind, exc, trace)
        if self.inner.cancelled_caught and len(self.runtime.blocks) > 1:  # the first is the limit of the trial
            await self.runtime.blocks[-1].cancel()
        return swallowed


@fault("time-out-spreads-outwards", control="trio")
class _TimeOutSpreadsOutwards(SabotagedRuntime):
    """A block that times out takes the one around it with it."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.blocks: list[_NestedBlock] = []

    def move_on_after(self, seconds: float) -> Any:
        return _NestedBlock(self.inner.move_on_after(seconds), self)


@fault("outer-deadline-forgotten")
class _OuterDeadlineForgotten(SabotagedRuntime):
    """Of two nested deadlines only the inner one is kept."""

    opened = 0

    def open_cancel_scope(self, *, deadline: float | None = None, **kwargs: Any) -> Any:
        self.opened += 1
        return self.inner.open_cancel_scope(deadline=None if self.opened % 2 else deadline, **kwargs)


@fault("inner-deadline-forgotten")
class _InnerDeadlineForgotten(SabotagedRuntime):
    """Of two nested deadlines only the outer one is kept."""

    opened = 0

    def open_cancel_scope(self, *, deadline: float | None = None, **kwargs: Any) -> Any:
        self.opened += 1
        return self.inner.open_cancel_scope(deadline=deadline if self.opened % 2 else None, **kwargs)


@fault("deadlines-forgotten", control="trio")
class _DeadlinesForgotten(SabotagedRuntime):
    """No deadline of less than a second ends its block."""

    def open_cancel_scope(self, *, deadline: float | None = None, **kwargs: Any) -> Any:
        is_kept = deadline is not None and deadline - self.inner.now() > _LONG_SECONDS
        return self.inner.open_cancel_scope(deadline=deadline if is_kept else None, **kwargs)

    def move_on_after(self, seconds: float) -> Any:
        if seconds > _LONG_SECONDS:
            return self.inner.move_on_after(seconds)
        return self.inner.open_cancel_scope()


class _TakingBlock(Block):
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Any:
        ended = await self.manager.__aexit__(kind, exc, trace)
        return ended or (exc is not None and self.healthy.is_cancelled(exc))


@fault("time-out-of-zero-takes-all")
class _TimeOutOfZeroTakesAll(SabotagedRuntime):
    """A block with a time-out of 0 takes a cancellation from around it for its own."""

    def move_on_after(self, seconds: float) -> Any:
        block = self.inner.move_on_after(seconds)
        return block if seconds else _TakingBlock(block, self)
