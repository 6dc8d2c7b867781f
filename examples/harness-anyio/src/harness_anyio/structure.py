"""Task groups and cancel scopes of anyio, and what its errors mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup as NativeTaskGroup
from harness.api import ErrorKind, classify_common


class Deadline:
    """A synchronous context manager of anyio, for `async with`."""

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
    """`anyio.CancelScope`."""

    __slots__ = ("_scope",)

    def __init__(self, scope: anyio.CancelScope) -> None:
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
    ) -> bool | None:
        return self._scope.__exit__(kind, exc, trace)


class TaskGroup:
    """`anyio.create_task_group`."""

    __slots__ = ("_group",)

    def __init__(self, group: NativeTaskGroup) -> None:
        self._group = group

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """`TaskGroup.start_soon`."""
        self._group.start_soon(fn, *args, name=name)

    async def cancel(self) -> None:
        """Cancel the scope of the group."""
        self._group.cancel_scope.cancel()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._group.__aexit__(kind, exc, trace)


async def first_completed(*fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
    """Race the functions in a task group; the first that completes cancels its scope."""
    completed: list[tuple[int, Any]] = []

    async def attempt(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        result = await fn()
        completed.append((index, result))
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index, fn in enumerate(fns):
            group.start_soon(attempt, index, fn, name=fn)
    return completed


_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (anyio.EndOfStream, ErrorKind.END_OF_CHANNEL),
    (anyio.ClosedResourceError, ErrorKind.CLOSED),
    (anyio.BrokenResourceError, ErrorKind.BROKEN),
    (anyio.BusyResourceError, ErrorKind.BUSY),
)


def classify(exc: BaseException) -> ErrorKind:
    """Map anyio's errors by one table, then by errno."""
    if isinstance(exc, _cancellation()):
        return ErrorKind.CANCELLED
    if type(exc) is TimeoutError and exc.errno is None:
        return ErrorKind.DEADLINE  # of fail_after
    for cls, kind in _KINDS:
        if isinstance(exc, cls):
            return _refined(exc) if kind is ErrorKind.BROKEN else kind
    if isinstance(exc, OSError) and exc.errno is None and exc.__cause__ is not None:
        return _common_kind(exc.__cause__)
    return classify_common(exc)


def _cancellation() -> type[BaseException]:
    try:
        return anyio.get_cancelled_exc_class()
    except anyio.NoEventLoopError:  # after the run
        return anyio.NoEventLoopError


def _refined(broken: BaseException) -> ErrorKind:
    # anyio calls every failed send or receive broken; that the system gave up on the peer stays visible in the cause.
    cause = broken.__cause__
    timed_out = cause is not None and classify_common(cause) is ErrorKind.TIMED_OUT
    return ErrorKind.TIMED_OUT if timed_out else ErrorKind.BROKEN


def _common_kind(cause: BaseException) -> ErrorKind:
    # connect_tcp tries each address; clear only if every attempt failed for the same reason.
    attempts = cause.exceptions if isinstance(cause, BaseExceptionGroup) else (cause,)
    kinds = {classify_common(attempt) for attempt in attempts}
    return kinds.pop() if len(kinds) == 1 else ErrorKind.OTHER
