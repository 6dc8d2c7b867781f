"""Task groups: a thread for each task, and the coroutine that it drives; cancel scopes are in `scopes`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Self

from harness.api import ClosedResourceError, ErrorKind, RuntimeContractError, UnhandledReport, classify_common

from .scopes import Cancelled, Scope, Task, Waiter, here, notify


class ForeignAwaitError(RuntimeContractError):
    """The scenario awaited something that did not come from its runtime; raw threads never suspend."""


def drive(awaitable: Awaitable[Any]) -> Any:
    """Run a coroutine to its end in this thread. Every primitive blocks and returns, so one step is enough.

    Raises: `ForeignAwaitError` if it suspends.
    """
    coro: Any = awaitable if hasattr(awaitable, "send") else _wrap(awaitable)
    try:
        suspended_on = coro.send(None)
    except StopIteration as end:
        return end.value
    error = ForeignAwaitError(
        f"cannot wait for {suspended_on!r}, which did not come from this runtime; awaited by "
        + ", then ".join(_awaiting(coro))
    )
    with suppress(RuntimeError):  # it awaits foreign things in its cleanup too
        coro.close()
    raise error


async def _wrap(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _awaiting(awaited: Any) -> Iterator[str]:
    """Name each coroutine or generator of a chain of awaits, outermost first."""
    while awaited is not None:
        for kind, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if hasattr(awaited, following):
                code, frame = getattr(awaited, f"{kind}_code"), getattr(awaited, f"{kind}_frame")
                yield f"{awaited.__qualname__} ({code.co_filename}:{frame.f_lineno if frame else code.co_firstlineno})"
                awaited = getattr(awaited, following)
                break
        else:
            return


class TaskGroup:
    """Threads that are joined at the end of the block.

    A task's error reaches no task, as with plain threads: it goes to `threading.excepthook`, and to `unhandled`. An
    error of the *body* cancels the tasks, as it would never be seen if they waited for the body.
    """

    __slots__ = ("_closed", "_ended", "_joining", "_mutex", "_scope", "_threads", "_unhandled")

    def __init__(self, unhandled: UnhandledReport) -> None:
        self._unhandled = unhandled
        self._scope = Scope("task group")
        self._threads: set[threading.Thread] = set()
        self._ended: deque[threading.Thread] = deque()
        self._joining: deque[Waiter] = deque()
        self._closed = False
        self._mutex = threading.Lock()

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """Start a thread."""
        task = _make_task(fn, name, self._scope)
        # Daemonic: it is joined below, but a stuck one must not keep the process from ending.
        thread = threading.Thread(target=self._run, args=(task, fn, args), name=task.name, daemon=True)
        with self._mutex:  # against the end of the block: no thread may come after it
            self._reap()  # a group may live long and start many, so the ended ones are not kept for the end
            if self._closed:
                raise ClosedResourceError("the task group has ended")
            self._scope.under.add(task)
            try:
                thread.start()
            except BaseException:
                self._scope.under.discard(task)
                raise
            self._threads.add(thread)

    def _run(self, task: Task, fn: Callable[..., Awaitable[object]], args: tuple[object, ...]) -> None:
        try:
            _run_task(task, fn, args, self._unhandled)
        finally:
            self._scope.under.discard(task)
            self._ended.append(threading.current_thread())
            notify(self._joining)

    def _reap(self) -> None:
        while self._ended:
            thread = self._ended.popleft()
            thread.join()  # short: it has nothing more to do
            self._threads.discard(thread)

    async def cancel(self) -> None:
        """Cancel every task of the group and its body."""
        await self._scope.cancel()

    async def join(self) -> None:
        """Wait for the threads, also for those that they start meanwhile.

        Not cancelled itself: the threads are in the same scopes and end if those are. Ctrl-C cancels them and
        waits on; the second one leaves.
        """
        try:
            self._join_all()
        except BaseException:
            await self._scope.cancel()
            self._join_all()
            raise

    def _join_all(self) -> None:
        # Not with Thread.join: if Ctrl-C interrupts it, Python 3.11 and 3.12 take the thread for ended.
        while True:
            with self._mutex:
                self._reap()
                if not self._threads:
                    self._closed = True
                    return
            waiter = Waiter(self._joining)
            self._joining.append(waiter)
            try:
                if not self._ended:
                    waiter.lock.acquire()
            finally:
                waiter.withdraw()

    async def __aenter__(self) -> Self:
        self._scope.enter()
        return self

    async def __aexit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        if exc is not None:
            await self._scope.cancel()
        try:
            await self.join()
        finally:
            caught = self._scope.leave(exc)
        if exc is None:
            here.task.check()  # the join was a wait: what cancelled the tasks cancels the code behind it too
        return caught


def start_detached(
    fn: Callable[..., Awaitable[object]], args: tuple[object, ...], name: str | None, unhandled: UnhandledReport
) -> None:
    """Start a thread that belongs to no group and no scope."""
    task = _make_task(fn, name)
    threading.Thread(target=_run_task, args=(task, fn, args, unhandled), name=task.name, daemon=True).start()


def _make_task(fn: Callable[..., Awaitable[object]], name: str | None, scope: Scope | None = None) -> Task:
    return Task(name or getattr(fn, "__qualname__", None) or repr(fn), scope)


def _run_task(
    task: Task, fn: Callable[..., Awaitable[object]], args: tuple[object, ...], unhandled: UnhandledReport
) -> None:
    here.task = task
    try:
        drive(fn(*args))
    except Cancelled:
        pass
    except BaseException as exc:
        unhandled(exc, f"in task {task.name!r}")
        raise
    finally:
        task.close()


async def first_completed(
    fns: Sequence[Callable[[], Awaitable[Any]]], unhandled: UnhandledReport
) -> Sequence[tuple[int, Any]]:
    """Race the functions in a thread each; the first that ends cancels the others, and all are joined."""
    if not fns:
        raise ValueError("cannot wait for the first of no functions")
    completed: list[tuple[int, Any]] = []
    failures: list[BaseException] = []
    group = TaskGroup(unhandled)

    async def attempt(index: int, fn: Callable[[], Awaitable[Any]]) -> None:
        try:
            completed.append((index, await fn()))
        except Cancelled:
            raise
        except BaseException as exc:  # noqa: BLE001 - raised again in the thread that waits
            failures.append(exc)
        await group.cancel()

    try:
        async with group:
            for index, fn in enumerate(fns):
                await group.spawn(attempt, index, fn, name=getattr(fn, "__qualname__", None))
    except Cancelled:
        if not completed or failures:
            raise
        return completed  # what arrived before the cancellation is not lost; the next wait raises
    for other in failures[1:]:
        unhandled(other, "in first_completed, behind the error of another function")
    if failures:
        raise failures[0]
    return completed


def classify(exc: BaseException) -> ErrorKind:
    """Tell our own cancellation; everything else is an `OSError` or a class of `harness.api`."""
    return ErrorKind.CANCELLED if isinstance(exc, Cancelled) else classify_common(exc)
