"""The contract that scenarios are written against and that every backend fulfils.

Everything that may touch the scheduler is `async def`, also `set`, `release`, `spawn`, `cancel` and `aclose`: they
are coroutines on some runtimes and plain functions on others. **Contract** is the promise to scenarios (tested
for each backend by `harness.testing.clauses`); **Latitude** is left open, hence observable.

Exceptions of the runtime pass unchanged; ask `Runtime.classify` what one means.

Times are float seconds on the runtime's own monotonic clock; deadlines are absolute, timeouts relative.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from .errors import ErrorKind
from .tasks import TaskSnapshot


class TaskGroup(Protocol):
    """A set of tasks that end before the block does (trio: nursery)."""

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        """Start `fn(*args)` as a task of this group.

        Contract: the task runs concurrently with the body; the block does not end before the task has.
        Latitude: whether the task takes its first step before `spawn` returns; the order in which tasks start;
            whether an error of the task reaches the parent, cancels siblings, and the class that it is raised as.
        """

    async def cancel(self) -> None:
        """Cancel every task of the group and its body.

        Contract: tasks that wait in a `Runtime` call are woken with the runtime's cancellation; the block ends
            without raising that cancellation.
        Latitude: a task that has not taken its first step may never take it; whether a swallowed cancellation is
            delivered again.
        """


class CancelScope(Protocol):
    """A block of code that can be cancelled as one, by call or by deadline."""

    async def cancel(self) -> None:
        """Cancel what runs in the scope, now or when it is entered. Calling it twice is calling it once.

        Contract: the block is left at its next (or current) wait, without an exception leaving the scope.
        Latitude: whether every further wait inside is cancelled too (level) or only one (edge).
        """

    @property
    def cancelled_caught(self) -> bool:
        """Whether the scope ended early because it was cancelled. Valid after the block."""


class Event(Protocol):
    """A flag that tasks wait for. It cannot be cleared."""

    async def set(self) -> None:
        """Set the flag. Contract: every waiting task becomes ready; a second call does nothing."""

    def is_set(self) -> bool:
        """Return whether `set` was called."""

    async def wait(self) -> object:
        """Wait until the flag is set. Contract: returns if it already is. Latitude: whether it then yields."""


class Lock(Protocol):
    """Mutual exclusion between tasks.

    Contract: `async with` acquires and releases. Latitude: order of waiters; the effect of a second `acquire` by the
    owner, or a `release` by another task.
    """

    async def acquire(self) -> object:
        """Wait for the lock and take it."""

    async def release(self) -> None:
        """Give the lock up. Contract: one waiter, if there is one, becomes ready."""

    def locked(self) -> bool:
        """Return whether a task holds it."""

    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exc: object) -> object: ...


class Semaphore(Protocol):
    """A counter of permits. Contract: at most `n` holders. Latitude: order of waiters."""

    async def acquire(self) -> object:
        """Wait for a permit and take it."""

    async def release(self) -> None:
        """Give a permit back."""

    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exc: object) -> object: ...


class Condition(Protocol):
    """A lock with a waiting room."""

    async def acquire(self) -> object:
        """Wait for the lock and take it."""

    async def release(self) -> None:
        """Give the lock up."""

    async def wait(self) -> object:
        """Release, wait for a notification, acquire again.

        Contract: the lock is held after it, however it ends; it ends by a notification, or as its
            own task is cancelled.
        """

    async def notify(self, n: int = 1) -> None:
        """Wake up to `n` waiters. Contract: needs the lock; no error if there is no waiter."""

    async def notify_all(self) -> None:
        """Wake all waiters."""

    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exc: object) -> object: ...


class SendChannel(Protocol):
    """The sending end of a channel. `send` may be the runtime's own bound method."""

    @property
    def send(self) -> Callable[[Any], Awaitable[object]]:
        """Send one item, waiting while the channel is full.

        Contract: FIFO per sender; with capacity 0 it returns only after a receiver has taken the item; a cancelled
            send has sent nothing. After `aclose` it raises (`CLOSED`).
        Latitude: whether a send that need not wait yields.
        """

    def clone(self) -> SendChannel:
        """Return another sender to the same channel. Contract: the channel ends when *all* senders are closed."""

    async def aclose(self) -> None:
        """Close this sender. Contract: after the last one, receivers get the buffered items, then `END_OF_CHANNEL`."""

    def buffered(self) -> int:
        """Return the number of items sent and not yet received (not counting senders that still wait)."""


class ReceiveChannel(Protocol):
    """The receiving end of a channel, shared by any number of tasks. `receive` may be the runtime's own method."""

    @property
    def receive(self) -> Callable[[], Awaitable[Any]]:
        """Receive one item, waiting while the channel is empty.

        Contract: each item reaches one receiver; a cancelled receive has taken nothing; `END_OF_CHANNEL` after the
            last sender closed and the buffer is empty, also for receivers already waiting.
        Latitude: which of several receivers gets the item; whether a receive that need not wait yields.
        """

    async def aclose(self) -> None:
        """Close the receiving end. Latitude: what senders then see (`BROKEN`, or they wait)."""


class ByteStream(Protocol):
    """A connected TCP stream. Bound methods may be the runtime's own."""

    @property
    def send_all(self) -> Callable[[bytes], Awaitable[object]]:
        """Send all of the bytes.

        Contract: bytes arrive in order; a peer that does not read makes it wait in the end (backpressure). Once the
            peer has reset the connection it raises (`BROKEN`), after `aclose` or `abort` of this side (`CLOSED`).
        Latitude: how much is accepted before it waits; whether a cancelled send has sent a part; how many sends
            succeed before the reset is seen.
        """

    @property
    def receive_some(self) -> Callable[[int], Awaitable[bytes]]:
        """Receive between 1 and `max_bytes` bytes; `b""` only at end of stream, then again each time."""

    async def send_eof(self) -> None:
        """Half-close: no more bytes go out, bytes may still come in."""

    async def abort(self) -> None:
        """Reset the connection: the peer sees an error, not an end of stream. Contract: the fd is closed."""

    async def aclose(self) -> None:
        """Close. Latitude: whether bytes accepted but not sent are flushed first, and whether it waits for that."""


class Listener(Protocol):
    """A listening TCP socket."""

    @property
    def address(self) -> tuple[str, int]:
        """The local host and port."""

    async def accept(self) -> ByteStream:
        """Wait for a connection and return it. Latitude: whether the runtime accepts ahead of this call."""

    async def aclose(self) -> None:
        """Stop listening. Latitude: what becomes of a waiting `accept` and of connections not yet accepted."""


class Runtime(Protocol):
    """One runtime, seen by a scenario while it runs on it."""

    name: str
    """Name of the backend, e.g. `"trio"`."""

    # --- clock ---
    def now(self) -> float:
        """Return the runtime's monotonic clock, in seconds. Deadlines are on this clock."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`. Contract: not less (by `now`). Latitude: how much more; the order of equal deadlines."""

    async def checkpoint(self) -> None:
        """Let other ready tasks run, and see a pending cancellation. Latitude: how many others run."""

    # --- structure ---
    def open_task_group(self) -> AbstractAsyncContextManager[TaskGroup]:
        """Open a task group: `async with runtime.open_task_group() as group`."""

    def open_cancel_scope(
        self, *, deadline: float | None = None, shield: bool = False
    ) -> AbstractAsyncContextManager[CancelScope]:
        """Open a scope that ends at `deadline` (absolute), or when it is cancelled.

        Contract: never cancelled before the deadline; nested scopes end at their own deadline; code after the
            block runs on.
        Latitude: with `shield`, which needs `Capability.SHIELD`, the effect of an outer cancellation meanwhile.
        """

    def fail_after(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Cancel the block after `seconds` and raise (`DEADLINE`)."""

    def move_on_after(self, seconds: float) -> AbstractAsyncContextManager[CancelScope]:
        """Cancel the block after `seconds` and go on behind it."""

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Run `fn(*args)`, for at most `seconds`.

        Contract: its result or exception comes back; not cancelled before `seconds`; when this raises (`DEADLINE`)
            it has ended.
        Latitude: whether a result that comes with the deadline is returned or lost; what becomes of a cancellation
            of the caller that comes with the result; whether `fn` runs in the caller's task or in one of its own.
        """

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Run `fn(*args)` so that a cancellation of the caller does not reach it.

        Contract: its result or exception comes back, unless the caller was cancelled meanwhile; it runs to its end
            in any case, unless the whole run ends first; the cancellation is not lost.
        Latitude: whether a cancelled caller waits until `fn` has ended, or leaves at once and abandons `fn`; where
            an error of `fn` goes then.
        """

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """Start `fn(*args)` as a task that no group owns. Needs `Capability.DETACHED`.

        Contract: it runs concurrently, also after the caller, and every group and scope of the caller, has ended;
            a cancellation of those does not reach it.
        Latitude: its fate when the run ends; where its error goes.
        """

    def classify(self, exc: BaseException) -> ErrorKind:
        """Return the meaning of an exception that left a call of this runtime."""

    def is_cancelled(self, exc: BaseException) -> bool:
        """Return whether `exc` is this runtime's cancellation, which must be re-raised."""

    # --- synchronisation ---
    def create_event(self) -> Event:
        """Create an event that is not set."""

    def create_lock(self) -> Lock:
        """Create a lock that is free."""

    def create_semaphore(self, permits: int) -> Semaphore:
        """Create a semaphore with `permits` permits."""

    def create_condition(self) -> Condition:
        """Create a condition with its own lock."""

    # --- channels ---
    def open_channel(self, capacity: int | None) -> tuple[SendChannel, ReceiveChannel]:
        """Open a channel: `None` is unbounded, 0 a rendezvous, n > 0 holds at most n items."""

    # --- streams ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> Listener:
        """Listen on a TCP address; port 0 lets the system choose, backlog `None` is the runtime's default."""

    async def connect(self, host: str, port: int, *, source: str | None = None) -> ByteStream:
        """Connect to a TCP address, from the local address `source` if given."""

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a blocking function in a thread. Contract: its result or exception comes back; others run meanwhile."""

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a picklable function in another process. Contract: as `run_in_thread`."""

    # --- select ---
    async def first_completed(self, *fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
        """Run the functions concurrently until one completes; cancel and join the others.

        Contract: returns `(index, result)` of *every* function that completed, in order of completion, so that no
            result that arrived is lost; never empty; each loser is cancelled once and has ended.
        Latitude: how many complete when several are ready at once; how an exception of one is raised.
        """

    # --- chapters ---
    # No members: see `harness.api.chapters`.

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """Return the runtime's view of each live task: for an autopsy, and to count leftovers.

        Contract: each live task of the runtime is in it once, with its name; a task that waits has the frames that lead
            to its wait, and the object of its wait is right or absent. Never blocks or raises; may be called between
            any two instructions of the thread that runs the tasks, as from a signal handler.
        Latitude: everything else that a snapshot can tell; whether the runtime's own tasks are in it.
        """

    def timers(self) -> Sequence[float]:
        """Return when the pending timers of the runtime are due, on the clock of `now`.

        Contract: a time that ends the wait of a task, or runs a callback, is in it. A hang is a deadlock only if there
            is none. Never blocks, never raises.
        Latitude: how often a time is in it; timers of the runtime's own.
        """

    def scheduler(self) -> object:
        """Return the live object that schedules (event loop, kernel, runner). The worker attests its class."""
