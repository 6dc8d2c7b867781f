"""Task groups and cancel scopes for curio, and what its errors mean.

curio cancels tasks; a block can be ended only by a timeout. A scope therefore remembers the task that entered it and
cancels that task with an exception of its own, which it swallows at its exit. Three things that curio's cancellation
does to a task for good are undone, because here only a block ends: the task's mark `cancelled` (a task is cancelled
once, further requests are ignored), its running timeout, and a request that was never delivered.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import curio
from curio.traps import _unset_timeout

from harness.api import ErrorKind, UnhandledReport, classify_common

from .introspection import running_task

CHILD = "child of a curio TaskGroup"


class ScopeCancelled(curio.TaskCancelled):  # type: ignore[misc]  # curio has no types
    """The cancellation that a scope sends to the task inside it."""

    def __init__(self, scope: Scope) -> None:
        super().__init__("cancel scope")
        self.scope = scope


class Scope:
    """A cancel scope: at most one deadline (native), at most one shield (native), and `cancel` (ours)."""

    __slots__ = (
        "_cancelled",
        "_deadline",
        "_dropped",
        "_prior",
        "_sealed",
        "_seconds",
        "_shield",
        "_task",
        "_timeout",
        "cancelled_caught",
        "depth",
    )

    def __init__(self, *, deadline: float = math.inf, seconds: float = math.inf, shield: bool = False) -> None:
        self._deadline = deadline
        self._seconds = seconds
        self._timeout: Any = None
        self._shield = curio.disable_cancellation() if shield else None
        self._task: Any = None
        self.depth = 0
        self._cancelled = False
        self._dropped = False
        self._sealed = False
        self._prior: float | None = None
        self.cancelled_caught = False

    async def cancel(self) -> None:
        """Cancel the block if it was entered; else it will be when it is."""
        if not self._cancelled:
            self._cancelled = True
            if self._task is not None and not self._sealed:
                await self._deliver()

    def seal(self) -> None:
        """End the body of the block: a later `cancel` has nothing to interrupt, and must not replace what is raised."""
        self._sealed = True

    async def __aenter__(self) -> Self:
        self._task = task = await curio.current_task()
        self._prior = task.timeout
        self.depth = task.scope_depth = getattr(task, "scope_depth", 0) + 1
        seconds = min(self._seconds, self._deadline - time.monotonic())
        if seconds < math.inf:
            self._timeout = curio.ignore_after(seconds)
            await self._timeout.__aenter__()
        if self._cancelled:
            await self._deliver()
        if self._shield is not None:
            await self._shield.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return await self.leave(exc)

    async def leave(self, exc: BaseException | None) -> bool:
        """Leave the block, with what ends it; return whether that goes no further."""
        # curio.disable_cancellation keeps for later what must not leave a shield that lies in another one.
        postponed = self._shield is not None and await self._shield.__aexit__(*_details(exc))
        if postponed:
            exc = None
        task, self._task = self._task, None
        task.scope_depth = self.depth - 1
        if self.owns(task.cancel_pending):
            task.cancel_pending = None
        timed_out = self._timeout is not None and bool(await self._timeout.__aexit__(*_details(exc)))
        if self._dropped and self._timeout is None:
            await _unset_timeout(self._prior)
        self.cancelled_caught = timed_out or self.owns(exc)
        return self.cancelled_caught or postponed

    def owns(self, exc: BaseException | None) -> bool:
        """Return whether `exc` is the cancellation of this scope."""
        return isinstance(exc, ScopeCancelled) and exc.scope is self

    async def _deliver(self) -> None:
        task = self._task
        if self._is_superseded(task.cancel_pending):
            return
        was_cancelled, timeout = task.cancelled, task.timeout
        task.cancelled = None
        await task.cancel(exc=ScopeCancelled(self), blocking=False)
        task.cancelled = was_cancelled
        if task.cancel_pending is None:
            task.timeout = timeout
        else:
            # A timeout that fired now would overwrite the request; the exit of the scope puts the outer one back.
            self._dropped = True

    def _is_superseded(self, pending: BaseException | None) -> bool:
        """Return whether a cancellation of something around this scope is on its way."""
        if isinstance(pending, ScopeCancelled):
            return pending.scope.depth < self.depth
        return isinstance(pending, curio.TaskCancelled)


def _details(
    exc: BaseException | None,
) -> tuple[type[BaseException] | None, BaseException | None, TracebackType | None]:
    """Return the three arguments of `__aexit__`."""
    return (None, None, None) if exc is None else (type(exc), exc, exc.__traceback__)


class TaskGroup:
    """A `curio.TaskGroup(wait=all)`. An error of a child does not reach the parent, as in curio, but is reported."""

    __slots__ = ("_cancelled", "_group", "_scope", "_unhandled")

    def __init__(self, unhandled: UnhandledReport) -> None:
        self._unhandled = unhandled
        self._group = curio.TaskGroup(wait=all)
        self._scope = Scope()
        self._cancelled = False

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """`TaskGroup.spawn`."""
        task = await self._group.spawn(fn, *args)
        if name is not None:
            task.name = name
        if self._cancelled:
            await task.cancel(blocking=False)

    async def cancel(self) -> None:
        """Cancel each child and the body; waiting for them is left to the end of the block.

        `TaskGroup.cancel_remaining` would wait here, and for ever if a child calls it.
        """
        self._cancelled = True
        for task in self._group.tasks:
            await task.cancel(blocking=False)
        await self._scope.cancel()

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._scope.seal()
        children = self._group.tasks
        leaving = exc
        try:
            await self._group.__aexit__(kind, exc, trace)
        except BaseException as interruption:  # noqa: BLE001 - raised again below, when the children have ended
            leaving = interruption
        await join_all(children, self._group)
        self._report([*children, *self._group.tasks])
        swallowed = await self._scope.leave(leaving)
        if leaving is exc:
            return swallowed
        if leaving is not None and not swallowed:
            raise leaving
        return self._scope.owns(exc)

    def _report(self, children: Iterable[Any]) -> None:
        # The kernel logs every crash as it happens (see `CrashReport`), but not a deadline that was not caught.
        for child in set(children):
            if isinstance(child.exception, curio.TaskTimeout):
                self._unhandled(child.exception, CHILD)


async def join_all(children: Iterable[Any], group: Any) -> None:
    """Wait for what `TaskGroup.join` left behind: a second cancellation interrupts its own clean-up."""
    while left := [task for task in (*children, *group.tasks) if not task.terminated]:
        async with curio.disable_cancellation():
            for task in left:
                await task.cancel(blocking=False)
            for task in left:
                await task.wait()


class Race(curio.TaskGroup):  # type: ignore[misc]  # curio has no types
    """The group of `first_completed`, which looks at its crashes itself."""


async def first_completed(
    fns: Sequence[Callable[[], Awaitable[Any]]], unhandled: UnhandledReport
) -> Sequence[tuple[int, Any]]:
    """`TaskGroup(wait=any)`. If the first to end failed, its error is raised, as by `TaskGroup.result`."""
    completed: list[tuple[int, Any]] = []

    async def attempt(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        result = await fn()
        completed.append((index, result))

    group = Race(wait=any)
    try:
        async with group:
            for index, fn in enumerate(fns):
                await group.spawn(attempt, index, fn)
    finally:
        await join_all((), group)
        _report_losers(group, unhandled)
    if group.exception is not None:
        raise group.exception
    return completed


def _report_losers(group: Race, unhandled: UnhandledReport) -> None:
    for task in group.tasks:
        failed = task.exception is not None and not isinstance(task.exception, curio.CancelledError)
        if failed and task is not group.completed:
            unhandled(task.exception, "loser of a curio TaskGroup(wait=any)")


_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (curio.CancelledError, ErrorKind.CANCELLED),
    (curio.ResourceBusy, ErrorKind.BUSY),
)


def classify(exc: BaseException, kernel: Any) -> ErrorKind:
    """Map curio's errors by one table, then by errno."""
    if isinstance(exc, curio.TaskTimeout) and not _is_expiring(exc, running_task(kernel)):
        return ErrorKind.DEADLINE
    for cls, kind in _KINDS:
        if isinstance(exc, cls):
            return kind
    return classify_common(exc)


def _is_expiring(timeout: BaseException, task: Any) -> bool:
    """Return whether a block around the running task has still to be ended by this timeout.

    curio has one class for "this wait is cancelled, leave the block" and "the block ran into its timeout", and tells
    them apart in the same way: the exception carries the clock, the task its open deadlines.
    """
    return task is not None and any(deadline <= timeout.args[0] for deadline in task._deadlines)  # noqa: SLF001
