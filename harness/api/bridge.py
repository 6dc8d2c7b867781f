"""The chapter of the bridge between a thread and the scheduler (`Capability.BRIDGE` and its parts).

Reached by `bridge_of(runtime)`, in a task; a backend that declares the capability has `bridge()` on its runtime. The
bridge may then be handed to any thread. Its plain functions are called there; its `async def`s are awaited by tasks.

The chapter has four capabilities, because runtimes differ in how much of it they have:

    BRIDGE       an inbox and an event that threads may use, and a second scheduler in another thread
    BRIDGE_CALL  a function that a thread has called by the scheduler: `call_soon`, `call`, `run`
    BRIDGE_JOB   a call that a thread starts, and waits for later: `submit`
    DIRECT_CALL  direct use of the scheduler's own objects from a thread, without the bridge: a common mistake

A foreign thread is one that drives no task of this scheduler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from .backend import UnhandledReport
from .chapters import chapter_of
from .runtime import CancelScope, Event, Runtime, SendChannel, TaskGroup


class Inbox(Protocol):
    """An unbounded queue into which threads put and from which tasks receive."""

    def put(self, item: object) -> None:
        """Put an item, from any thread, a task, a signal handler or a finaliser.

        Contract: never waits for the scheduler; items of one thread stay in their order; one task that waits is woken
            at once, also if the scheduler sleeps.
        Latitude: what becomes of an item that is put after the scheduler has ended (refused, or accepted and lost).
        """

    async def receive(self) -> Any:
        """Receive one item, waiting while there is none.

        Contract: each item reaches one receiver; a cancelled receive has taken nothing.
        """


class BridgeEvent(Protocol):
    """A flag that threads may set and tasks wait for. It cannot be cleared."""

    def set(self) -> None:
        """Set the flag, from any thread. Contract: every waiting task is woken, also if the scheduler sleeps."""

    def is_set(self) -> bool:
        """Return whether the flag is set. Latitude: how soon after `set` it is."""

    async def wait(self) -> object:
        """Wait until the flag is set."""


class BridgeJob(Protocol):
    """A call that a thread has started (`Bridge.submit`)."""

    def result(self, timeout: float | None = None) -> Any:
        """Wait in the calling thread for the end, and return the result or raise the error.

        Contract: raises `TimeoutError` after `timeout` seconds, and the job goes on.
        Latitude: the exception that a cancelled job raises.
        """

    def cancel(self) -> bool:
        """Ask for the job to be cancelled; return whether that is still possible.

        Latitude: whether a job that has started can be cancelled; whether the thread is notified before the job ends.
        """

    def done(self) -> bool:
        """Return whether the job has ended, or was cancelled."""


class Direct(Protocol):
    """The scheduler's own objects, called by a thread without the bridge.

    Contract: in a task of the scheduler each is the ordinary call.
    Latitude: in a foreign thread all of it. A runtime may refuse, do it late, lose it or die of it.
    """

    def put(self, channel: SendChannel, item: object) -> None:
        """Put an item into a channel that has room."""

    def set(self, event: Event) -> None:
        """Set an event."""

    def spawn(self, group: TaskGroup, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Start a task in a group."""

    def cancel(self, scope: CancelScope) -> None:
        """Cancel a scope."""


class Bridge(Protocol):
    """The scheduler, as a foreign thread may use it.

    A bridge, and a job that it returns, may have a method `scheduler_has_ended() -> bool`: whether the scheduler has
    ended, so that a thread inside one of their calls waits for ever. The autopsy of a hang calls it.
    """

    def open_inbox(self) -> Inbox:
        """Open an inbox. Called in a task. Needs `Capability.BRIDGE`, as do the next two."""

    def create_event(self) -> BridgeEvent:
        """Create an event that is not set. Called in a task."""

    def run_scheduler(self, main: Callable[[Runtime], Awaitable[object]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)` on another scheduler of the same kind, in the calling thread, to its end.

        Contract: as `BackendRunner.run`; two schedulers in one process do not disturb each other.
        """

    def call_soon(self, fn: Callable[..., object], *args: object) -> object:
        """Have the scheduler call `fn(*args)`, and do not wait for that. Needs `Capability.BRIDGE_CALL`.

        Contract: it is called once, soon, also if the scheduler sleeps; calls of one thread keep their order; a signal
            handler may do this.
        Latitude: the thread, on a runtime that has no scheduler; the effect of an error in `fn`; the fate of the
            call if the scheduler is ending.
        """

    def call(self, fn: Callable[..., Any], *args: object) -> Any:
        """Have the scheduler call `fn(*args)`, and wait for it. Needs `Capability.BRIDGE_CALL`.

        Contract: as `run`.
        """

    def run(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Have the scheduler run `fn(*args)` to its end, and wait for it. Needs `Capability.BRIDGE_CALL`.

        Contract: its result or its error comes back; other tasks run meanwhile; a thread does not wait for ever for a
            scheduler that has ended, or that ends meanwhile.
        Latitude: the exception if the scheduler has ended, or `fn` is cancelled; whether the scheduler's own thread is
            refused, or waits for itself.
        """

    def submit(self, fn: Callable[..., Awaitable[Any]], *args: object) -> BridgeJob:
        """Have the scheduler run `fn(*args)`, to be waited for later. Needs `Capability.BRIDGE_JOB`.

        Contract: as `run`; several jobs run concurrently.
        Latitude: how many at once.
        """

    def direct(self) -> Direct:
        """Return the operations open to a thread without the bridge. Needs `Capability.DIRECT_CALL`."""


def bridge_of(runtime: Runtime) -> Bridge:
    """Return the bridge to the scheduler that the calling task runs on.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: Bridge = chapter_of(runtime, "bridge")
    return found
