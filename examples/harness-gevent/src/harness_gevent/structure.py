"""Task groups: `gevent.pool.Group`, and the coroutine that a greenlet drives."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import gevent
from gevent.pool import Group
from greenlet import GreenletExit
from harness.api import ClosedResourceError, RuntimeContractError, UnhandledReport

from .scopes import Scope, Task, here

LIVE: weakref.WeakSet[Task] = weakref.WeakSet()
"""The tasks that may be alive, for `GeventRuntime.tasks`."""


class ForeignAwaitError(RuntimeContractError):
    """The scenario awaited something that did not come from its runtime; a greenlet never suspends a coroutine."""


def drive(awaitable: Awaitable[Any]) -> Any:
    """Run a coroutine to its end in this greenlet. Every primitive blocks and returns, so one step is enough.

    Raises:
        ForeignAwaitError: it suspends.
    """
    coro: Any = awaitable if hasattr(awaitable, "send") else _wrap(awaitable)
    try:
        suspended_on = coro.send(None)
    except StopIteration as end:
        return end.value
    with suppress(RuntimeError):  # it awaits foreign things in its cleanup too
        coro.close()
    raise ForeignAwaitError(f"cannot wait for {suspended_on!r}, which did not come from this runtime")


async def _wrap(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class TaskGreenlet(gevent.Greenlet):  # type: ignore[misc]
    """A greenlet that drives the coroutine of `fn(*args)`."""

    def __init__(self, fn: Callable[..., Awaitable[object]], args: tuple[object, ...], name: str | None) -> None:
        super().__init__()
        self.name = name or getattr(fn, "__qualname__", None) or repr(fn)
        self._call = (fn, args)
        self.task = Task(self, self.name)
        LIVE.add(self.task)

    def _run(self) -> Any:
        here.task = self.task
        fn, args = self._call
        return drive(fn(*args))

    def kill(self, exception: Any = GreenletExit, block: bool = True, timeout: float | None = None) -> Any:
        """Note the exception, and kill."""
        if isinstance(exception, type):
            exception = exception()
        self.task.killed = exception
        return super().kill(exception, block=block, timeout=timeout)


class TaskGroup:
    """A `gevent.pool.Group`, joined at the end of the block.

    A task's error reaches no caller, as is gevent's default: the hub prints it. An error of the *body* kills the tasks,
    as it would never be seen while they waited for the body.
    """

    def __init__(self) -> None:
        self._scope = Scope()
        self._group = Group()
        self._ended = False

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """`Group.start`, which knows no end: a task that comes after the block is refused here."""
        if self._ended:
            raise ClosedResourceError("the task group has ended")
        self._group.start(TaskGreenlet(fn, args, name))

    async def cancel(self) -> None:
        """`Group.kill`, and throw the body out."""
        await self._scope.cancel()
        self._group.kill(block=False)

    def live(self) -> Sequence[TaskGreenlet]:
        """Return the greenlets that have not ended."""
        return tuple(self._group.greenlets)

    def _end(self, exc: BaseException | None) -> BaseException | None:
        """Join; whatever is thrown meanwhile kills the tasks and waits on. Return what to raise."""
        interrupted = False
        while True:
            try:
                if exc is not None:
                    self._group.kill()
                self._group.join()
                self._ended = True
                return exc
            except BaseException as thrown:  # raised when the tasks have ended; the second Ctrl-C leaves
                if interrupted and isinstance(thrown, KeyboardInterrupt):
                    return thrown
                interrupted = isinstance(thrown, KeyboardInterrupt)
                if thrown is not exc:
                    thrown.__context__ = exc
                exc = thrown

    async def __aenter__(self) -> Self:
        self._scope.enter()
        return self

    async def __aexit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        last = self._end(exc)
        if self._scope.leave(last):
            return True
        if last is not None and last is not exc:
            raise last
        return False


async def first_completed(
    fns: Sequence[Callable[[], Awaitable[Any]]], unhandled: UnhandledReport
) -> Sequence[tuple[int, Any]]:
    """Race the functions in a greenlet each; the first that ends kills the others, and all are joined."""
    if not fns:
        raise ValueError("cannot wait for the first of no functions")
    completed: list[tuple[int, Any]] = []
    failures: list[BaseException] = []
    group = TaskGroup()

    async def attempt(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        try:
            completed.append((index, await fn()))
        except GreenletExit:
            raise
        except BaseException as exc:  # raised again in the greenlet that waits
            failures.append(exc)
        await group.cancel()

    async with group:
        for index, fn in enumerate(fns):
            await group.spawn(attempt, index, fn, name=getattr(fn, "__qualname__", None))
    for other in failures[1:]:
        unhandled(other, "in first_completed, behind the error of another function")
    if failures:
        raise failures[0]
    return completed
