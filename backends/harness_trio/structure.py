"""Task groups and cancel scopes on trio's nurseries and scopes, and what its errors mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Self

import trio

from harness.api import ErrorKind, classify_common


class Deadline:
    """A synchronous context manager of trio, for `async with`."""

    __slots__ = ("_manager",)

    def __init__(self, manager: AbstractContextManager[object]) -> None:
        self._manager = manager

    async def __aenter__(self) -> object:
        return self._manager.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._manager.__exit__(kind, exc, trace)


class CancelScope:
    """`trio.CancelScope`."""

    __slots__ = ("_scope",)

    def __init__(self, scope: trio.CancelScope) -> None:
        self._scope = scope

    async def cancel(self) -> None:
        """`CancelScope.cancel`."""
        self._scope.cancel()

    @property
    def cancelled_caught(self) -> bool:
        """`CancelScope.cancelled_caught`."""
        return self._scope.cancelled_caught

    async def __aenter__(self) -> Self:
        self._scope.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return self._scope.__exit__(kind, exc, trace)


class TaskGroup:
    """`trio.open_nursery`, with trio's default of strict exception groups."""

    __slots__ = ("_manager", "_nursery", "_start_soon")

    def __init__(self, manager: AbstractAsyncContextManager[trio.Nursery]) -> None:
        self._manager = manager

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """`Nursery.start_soon`."""
        self._start_soon(fn, *args, name=name)

    async def cancel(self) -> None:
        """Cancel the scope of the nursery."""
        self._nursery.cancel_scope.cancel()

    async def __aenter__(self) -> Self:
        self._nursery = nursery = await self._manager.__aenter__()
        self._start_soon: Callable[..., None] = nursery.start_soon
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._manager.__aexit__(kind, exc, trace)


async def first_completed(*fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
    """Race the functions in a nursery; the first that completes cancels its scope."""
    completed: list[tuple[int, Any]] = []

    async def attempt(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        result = await fn()
        completed.append((index, result))
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for index, fn in enumerate(fns):
            nursery.start_soon(attempt, index, fn, name=fn)
    return completed


_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (trio.Cancelled, ErrorKind.CANCELLED),
    (trio.TooSlowError, ErrorKind.DEADLINE),
    (trio.EndOfChannel, ErrorKind.END_OF_CHANNEL),
    (trio.ClosedResourceError, ErrorKind.CLOSED),
    (trio.BrokenResourceError, ErrorKind.BROKEN),
    (trio.BusyResourceError, ErrorKind.BUSY),
)


def classify(exc: BaseException) -> ErrorKind:
    """Map trio's errors by one table, then by errno."""
    for cls, kind in _KINDS:
        if isinstance(exc, cls):
            return _refined(exc) if kind is ErrorKind.BROKEN else kind
    if isinstance(exc, OSError) and exc.errno is None and isinstance(exc.__cause__, BaseExceptionGroup):
        return _common_kind(exc.__cause__)
    return classify_common(exc)


def _refined(broken: BaseException) -> ErrorKind:
    # trio calls every failed send or receive broken; that the system gave up on the peer stays visible in the cause.
    cause = broken.__cause__
    timed_out = cause is not None and classify_common(cause) is ErrorKind.TIMED_OUT
    return ErrorKind.TIMED_OUT if timed_out else ErrorKind.BROKEN


def _common_kind(attempts: BaseExceptionGroup[BaseException]) -> ErrorKind:
    # trio.open_tcp_stream tries each address; clear only if every attempt failed for the same reason.
    kinds = {classify_common(attempt) for attempt in attempts.exceptions}
    return kinds.pop() if len(kinds) == 1 else ErrorKind.OTHER
