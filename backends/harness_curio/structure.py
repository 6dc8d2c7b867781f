"""Task groups and cancel scopes for curio.

curio cancels tasks; a block can be ended only by a timeout. A scope therefore remembers the task that entered it and
cancels that task with an exception of its own, which it swallows at its exit. Three things that curio's cancellation
does to a task for good are undone, because here only a block ends: the task's mark `cancelled` (a task is cancelled
once, further requests are ignored), its running timeout, and a request that was never delivered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self

import curio
from curio.traps import _unset_timeout

from harness.api import UnhandledReport

CHILD = "child of a curio TaskGroup"


class ScopeCancelled(curio.TaskCancelled):  # type: ignore[misc]  # curio has no types
    """The cancellation that a scope sends to the task inside it."""

    def __init__(self, scope: Scope) -> None:
        super().__init__("cancel scope")
        self.scope = scope


class Scope:
    """A cancel scope: at most one deadline (native), at most one shield (native), and `cancel` (ours)."""

    __slots__ = ("_cancelled", "_depth", "_dropped", "_prior", "_shield", "_task", "_timeout", "cancelled_caught")

    def __init__(self, seconds: float | None = None, *, shield: bool = False) -> None:
        self._timeout = None if seconds is None else curio.ignore_after(seconds)
        self._shield = curio.disable_cancellation() if shield else None
        self._task: Any = None
        self._depth = 0
        self._cancelled = False
        self._dropped = False
        self._prior: float | None = None
        self.cancelled_caught = False

    async def cancel(self) -> None:
        """Cancel the block if it was entered; else it will be when it is."""
        if not self._cancelled:
            self._cancelled = True
            if self._task is not None:
                await self._deliver()

    async def __aenter__(self) -> Self:
        self._task = task = await curio.current_task()
        self._prior = task.timeout
        self._depth = task.scope_depth = getattr(task, "scope_depth", 0) + 1
        if self._timeout is not None:
            await self._timeout.__aenter__()
        if self._cancelled:
            await self._deliver()
        if self._shield is not None:
            await self._shield.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._shield is not None:
            await self._shield.__aexit__(kind, exc, trace)
        task, self._task = self._task, None
        task.scope_depth = self._depth - 1
        if isinstance(task.cancel_pending, ScopeCancelled) and task.cancel_pending.scope is self:
            task.cancel_pending = None
        timed_out = self._timeout is not None and await self._timeout.__aexit__(kind, exc, trace)
        if self._dropped and self._timeout is None:
            await _unset_timeout(self._prior)
        self.cancelled_caught = timed_out or (isinstance(exc, ScopeCancelled) and exc.scope is self)
        return self.cancelled_caught

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
            return pending.scope._depth < self._depth
        return isinstance(pending, curio.TaskCancelled)


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
        children = self._group.tasks
        try:
            await self._group.__aexit__(kind, exc, trace)
        except BaseException as interruption:
            # Cancelled while it waited for the children.
            if not await self._leave(children, interruption):
                raise
            return exc is None or isinstance(exc, ScopeCancelled)
        return await self._leave(children, exc)
