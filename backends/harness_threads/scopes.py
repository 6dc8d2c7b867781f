"""Cancel scopes on threads, which have none: who may be cancelled, and how a wait is interrupted.

A `Task` is one OS thread that drives one coroutine. It stands in a chain of `Scope`s, the innermost in
`Task.scope`. Before it blocks it publishes *its wait* in `Task.parked`, and only then looks whether a
scope of its chain is cancelled. `Scope.cancel` sets its flag first and only then interrupts the published wait. So
either the task sees the flag or the canceller sees the task; no wake-up is lost and no thread polls.

A thread that waits for another one puts a `Waiter` into the deque of its wait. Whoever takes the waiter out
of that deque (one atomic `popleft` or `remove`) decides how the wait ends: the notifier, the canceller, or the
waiting thread itself when its time is over. A notification and a cancellation therefore never both happen to one
wait, and a notification is never swallowed by a cancellation.

Cancellation is *level*: each further wait inside a cancelled scope raises again, with the outermost cancelled scope
of the chain as the one to blame. An operation that need not wait does not look.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import Any, Protocol, Self

from harness.api import DeadlineExceeded, RuntimeContractError

from .posix import Bell, await_ready

NEVER = float("inf")


class Cancelled(BaseException):
    """Raised by a wait inside a cancelled scope. Must be re-raised; `scope` catches it."""

    def __init__(self, scope: Scope) -> None:
        reason = "was cancelled" if scope.cancelled else "reached its deadline"
        super().__init__(f"{scope.label} {reason}")
        self.scope = scope


class Interruptible(Protocol):
    """The wait that a task publishes while it blocks."""

    def interrupt(self) -> None:
        """Wake the task that blocks, from another thread."""


class Waiter:
    """One wait of one thread: a lock that is taken, to be released by whoever claims the waiter."""

    __slots__ = ("interrupted", "lock", "queue")

    def __init__(self, queue: deque[Any]) -> None:
        self.lock = lock = threading.Lock()
        lock.acquire()
        self.interrupted = False
        self.queue = queue

    def withdraw(self) -> bool:
        """Take the waiter out of its queue; return whether it was still there."""
        try:
            self.queue.remove(self)
        except ValueError:
            return False
        return True

    def interrupt(self) -> None:
        """Wake the thread because its scope was cancelled, unless it was notified already."""
        if self.withdraw():
            self.interrupted = True
            self.lock.release()


def notify(queue: deque[Any], count: int = 1) -> None:
    """Wake up to `count` of the threads that wait in `queue`."""
    for _ in range(count):
        try:
            waiter = queue.popleft()
        except IndexError:  # asking first would not help: a canceller may be taking the last one out
            return
        waiter.lock.release()


def notify_all(queue: deque[Any]) -> None:
    """Wake the threads that wait in `queue` now."""
    notify(queue, len(queue))


class Scope:
    """A block that can be cancelled. `under` holds what lies in it besides its owner: scopes, and tasks of a group."""

    __slots__ = ("cancelled", "cancelled_caught", "deadline", "label", "owner", "parent", "shield", "under")

    def __init__(self, label: str, deadline: float = NEVER, *, shield: bool = False) -> None:
        self.label = label
        self.deadline = deadline
        self.shield = shield
        self.cancelled = False
        self.cancelled_caught = False
        self.owner: Task | None = None
        self.parent: Scope | None = None
        self.under: set[Scope | Task] = set()

    def enter(self) -> None:
        """Make this the innermost scope of the current task."""
        self.owner = task = here.task
        self.parent = parent = task.scope
        if parent is not None:
            parent.under.add(self)
        task.scope = self

    def leave(self, exc: BaseException | None) -> bool:
        """Go back to the scope around this one; return whether `exc` is the cancellation of this scope."""
        here.task.scope = parent = self.parent
        if parent is not None:
            parent.under.discard(self)
        if isinstance(exc, Cancelled) and exc.scope is self:
            self.cancelled_caught = True
        return self.cancelled_caught

    def wake(self) -> None:
        """Interrupt every task in this scope that waits and has a reason to stop."""
        if self.owner is not None:
            self.owner.wake()
        for below in tuple(self.under):
            below.wake()

    async def cancel(self) -> None:
        """Cancel what runs in the scope."""
        self.cancelled = True  # before looking at the waits; a task publishes its wait before it looks here
        self.wake()

    async def __aenter__(self) -> Self:
        self.enter()
        return self

    async def __aexit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        return self.leave(exc)


class FailingScope(Scope):
    """A scope that says by an exception that its deadline ended it."""

    __slots__ = ()

    async def __aexit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        if self.leave(exc):
            raise DeadlineExceeded(self.label) from exc
        return False


class Task:
    """One thread that drives a coroutine, as others see it."""

    __slots__ = ("bell", "name", "parked", "scope")

    def __init__(self, name: str, scope: Scope | None = None) -> None:
        self.name = name
        self.scope = scope
        self.parked: Interruptible | None = None
        self.bell: Bell | None = None

    def close(self) -> None:
        """Give back the task's resources. The last thing its thread does."""
        if self.bell is not None:
            self.bell.close()

    def survey(self) -> tuple[Scope | None, float]:
        """Return the outermost cancelled scope of the chain, if any, and the nearest deadline to come.

        A deadline is looked up here and nowhere stored, so each scope is blamed for its own one. Also called by
        another thread, about a task that is parked: its chain cannot change while it is.
        """
        culprit = None
        nearest = NEVER
        now = monotonic()
        scope = self.scope
        while scope is not None:
            if scope.cancelled or scope.deadline <= now:
                culprit = scope
            elif scope.deadline < nearest:
                nearest = scope.deadline
            scope = None if scope.shield else scope.parent
        return culprit, nearest

    def check(self) -> float:
        """Return the nearest deadline to come; raise `Cancelled` if a scope of the chain is cancelled."""
        culprit, nearest = self.survey()
        if culprit is not None:
            raise Cancelled(culprit)
        return nearest

    def wake(self) -> None:
        """Interrupt the task if it waits and is cancelled. Called by other threads."""
        parked = self.parked
        if parked is not None and self.survey()[0] is not None:
            parked.interrupt()

    def park(self, waiter: Waiter, until: float = NEVER) -> None:
        """Block until the waiter is released, or until a time.

        Raises: `Cancelled` if the chain was cancelled and the waiter had not been notified before.
        """
        self.parked = waiter
        try:
            if self.scope is None and until == NEVER:
                waiter.lock.acquire()
                return
            while not _wait_once(waiter, min(self.check(), until)):
                if until <= monotonic():
                    return
        except Cancelled:
            if waiter.withdraw() or waiter.interrupted:
                raise
        except BaseException:  # KeyboardInterrupt: no other task may be woken in the place of one that left
            waiter.withdraw()
            raise
        finally:
            self.parked = None

    def await_ready(self, fd: int, events: int) -> None:
        """Block until a file descriptor has one of the `select.poll` events. Raises: `Cancelled`."""
        if self.scope is None:
            await_ready(fd, events)
            return
        bell = self.bell
        if bell is None:
            self.bell = bell = Bell()
        bell.watch(fd, events)
        self.parked = bell
        try:
            while not bell.wait(self.check()):
                pass
        finally:
            self.parked = None


def _wait_once(waiter: Waiter, until: float) -> bool:
    """Return whether the waiter was notified; `False` if interrupted, or the time has come (or nearly)."""
    if until == NEVER:
        waiter.lock.acquire()
        return not waiter.interrupted
    seconds = min(max(until - monotonic(), 0), threading.TIMEOUT_MAX)
    return waiter.lock.acquire(timeout=seconds) and not waiter.interrupted


def wait_in(queue: deque[Any], mutex: threading.Lock) -> None:
    """Release the mutex, wait to be notified in `queue`, and take the mutex again: `threading.Condition.wait`.

    Raises: `Cancelled`, with the mutex held.
    """
    waiter = Waiter(queue)
    queue.append(waiter)
    mutex.release()
    try:
        here.task.park(waiter)
    finally:
        mutex.acquire()


class _Here(threading.local):
    """The task that the current thread drives."""

    task: Task

    def __getattr__(self, name: str) -> Any:
        raise RuntimeContractError(
            f"cannot use the runtime in thread {threading.current_thread().name!r}, which is not a task: "
            "spawn it in a task group"
        )


here = _Here()
