"""Cancel scopes on gevent: `gevent.Timeout` for a deadline, and an exception thrown for a cancellation.

gevent cancels a greenlet by throwing an exception into it, once (edge). A scope throws into the greenlet that is in
its block and nowhere else; a task group that this greenlet waits for kills its own greenlets, and so it goes down.

The one thing added: when a second exception arrives while a greenlet still unwinds from a first one, and the second
is that of an inner block, the first is raised again behind that block. Otherwise it would be lost.
"""

from __future__ import annotations

from typing import Any, Self

import gevent
from gevent.local import local
from greenlet import GreenletExit


class Cancelled(GreenletExit):  # type: ignore[misc]
    """Thrown into the greenlet that is in a cancelled scope. Must be re-raised; the scope catches it."""


class Task:
    """State of a greenlet: its innermost scope, and the exception that killed it."""

    def __init__(self, greenlet: Any, name: str) -> None:
        self.greenlet = greenlet
        self.name = name
        self.scope: Scope | None = None
        self.killed: BaseException | None = None

    def ends_at(self) -> float | None:
        """Return when the nearest time-out around the greenlet fires, on the monotonic clock."""
        times, scope = [], self.scope
        while scope is not None:
            times.append(scope.ends_at)
            scope = scope.parent
        return min((time for time in times if time is not None), default=None)

    def unwinding_from(self) -> BaseException | None:
        """Return the outermost reason that was thrown into the greenlet and has not come to its place yet."""
        found, scope = self.killed, self.scope
        while scope is not None and self.killed is None:
            found = scope.thrown or found
            scope = scope.parent
        return found


class _Here(local):  # type: ignore[misc]
    """The task of the current greenlet."""

    task: Task


here = _Here()


class Deadline(gevent.Timeout):  # type: ignore[misc]
    """The time-out of a scope, which knows whether it has left its block."""

    left = False


class Scope:
    """A block that can be cancelled."""

    def __init__(self, seconds: float | None = None) -> None:
        self.cancelled_caught = False
        self.parent: Scope | None = None
        self._task: Task | None = None
        self._ended = False
        self._cancelled: Cancelled | None = None
        self._was_thrown = False
        self._seconds = seconds
        self._timeout: Deadline | None = None

    @property
    def thrown(self) -> BaseException | None:
        """Exception thrown into the greenlet because of this scope."""
        if self._was_thrown:
            return self._cancelled
        if self._timeout is not None and not self._timeout.pending:
            return self._timeout
        return None

    @property
    def ends_at(self) -> float | None:
        """When its time-out fires; nothing if it has none, or it has fired."""
        return float(self._timeout.timer.at) if self._timeout is not None and self._timeout.pending else None

    async def cancel(self) -> None:
        """Throw into the greenlet as soon as it waits: `Greenlet.kill`, which cannot name a block."""
        if self._cancelled is None:
            self._cancelled = Cancelled("the scope was cancelled")
            if self._task is not None:
                self._schedule()

    def _schedule(self) -> None:
        # From the hub, as kill does: there the greenlet stands in a wait, in the block or behind it.
        gevent.get_hub().loop.run_callback(self._throw)

    def cancel_at_entry(self) -> None:
        """Let the first wait in the block leave it; gevent's own time-out would let one go that is ready."""
        self._cancelled = Cancelled("the deadline had passed")

    def _throw(self) -> None:
        if not self._ended and self._task is not None and self.thrown is None:
            self._was_thrown = True
            self._task.greenlet.throw(self._cancelled)

    def enter(self) -> None:
        """Make this the innermost scope of the greenlet, and start its clock."""
        self._task = task = here.task
        self.parent, task.scope = task.scope, self
        if self._seconds is not None:
            self._timeout = Deadline.start_new(max(self._seconds, 0))
        if self._cancelled is not None:
            self._schedule()

    def leave(self, exc: BaseException | None) -> bool:
        """Go back to the scope around this one; return whether `exc` is this scope's."""
        self._ended = True
        assert self._task is not None
        self._task.scope = self.parent
        if self._timeout is not None:
            self._timeout.close()
        own = exc is not None and exc in (self._cancelled, self._timeout)
        if own and (pending := self._task.unwinding_from()) is not None:
            raise pending
        return own

    async def __aenter__(self) -> Self:
        self.enter()
        return self

    async def __aexit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        self.cancelled_caught = self.leave(exc)
        return self.cancelled_caught


class FailingScope(Scope):
    """`with gevent.Timeout(seconds)`, which lets its own exception out."""

    async def __aexit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        if self.leave(exc) and isinstance(exc, Deadline):
            exc.left = True
        return False
