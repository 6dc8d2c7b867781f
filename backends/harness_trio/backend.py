"""Run scenarios on trio.

What a method promises is said once, in `harness.api.runtime`; the docstrings here name trio's idiom for it.
"""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from operator import attrgetter
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import trio
from trio._core._run import GLOBAL_RUN_CONTEXT

from harness.api import (
    Bridge,
    ErrorKind,
    Processes,
    Runtime,
    Servers,
    UnhandledReport,
    UnsupportedError,
    classify_common,
)

from .bridge import RunScheduler, TrioBridge
from .servers import TrioServers

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

from .processes import TrioProcesses

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 seconds: `close` sends RST instead of FIN."""


class TrioRunner:
    """Runs a scenario with `trio.run`."""

    expected_scheduler = "trio.*"

    def __init__(self, options: Mapping[str, str]) -> None:
        self._abandon = options.get("offload", "wait") == "abandon"

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main(runtime)`. Nothing is reported as unhandled: trio loses no exception.

        Raises: whatever `main` raised; from a nursery that is an exception group, as trio's default is.
        """
        del unhandled
        with ExitStack() as after:
            trio.run(self._attend, main, after)

    async def _attend(self, main: Callable[[Runtime], Awaitable[None]], after: ExitStack) -> None:
        await main(TrioRuntime(after, self.run, abandon_on_cancel=self._abandon))


# --- structure ---


class _Deadline:
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


class _CancelScope:
    __slots__ = ("_scope",)

    def __init__(self, scope: trio.CancelScope) -> None:
        self._scope = scope

    async def cancel(self) -> None:
        self._scope.cancel()

    @property
    def cancelled_caught(self) -> bool:
        return self._scope.cancelled_caught

    async def __aenter__(self) -> Self:
        self._scope.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return self._scope.__exit__(kind, exc, trace)


class _TaskGroup:
    __slots__ = ("_manager", "_nursery", "_start_soon")

    def __init__(self, manager: AbstractAsyncContextManager[trio.Nursery]) -> None:
        self._manager = manager

    async def spawn(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> None:
        self._start_soon(fn, *args, name=name)

    async def cancel(self) -> None:
        self._nursery.cancel_scope.cancel()

    async def __aenter__(self) -> Self:
        self._nursery = nursery = await self._manager.__aenter__()
        self._start_soon: Callable[..., None] = nursery.start_soon
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._manager.__aexit__(kind, exc, trace)


_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (trio.Cancelled, ErrorKind.CANCELLED),
    (trio.TooSlowError, ErrorKind.DEADLINE),
    (trio.EndOfChannel, ErrorKind.END_OF_CHANNEL),
    (trio.ClosedResourceError, ErrorKind.CLOSED),
    (trio.BrokenResourceError, ErrorKind.BROKEN),
    (trio.BusyResourceError, ErrorKind.BUSY),
)


def _kind(exc: BaseException) -> ErrorKind:
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


# --- synchronisation ---


class _Event:
    __slots__ = ("_set", "is_set", "wait")

    def __init__(self) -> None:
        event = trio.Event()
        self._set = event.set
        self.is_set: Callable[[], bool] = event.is_set
        self.wait: Callable[[], Coroutine[Any, Any, object]] = event.wait

    async def set(self) -> None:
        self._set()


class _Held:
    """What `async with` acquires and releases."""

    __slots__ = ("_release", "acquire")

    def __init__(self, held: trio.Lock | trio.Semaphore | trio.Condition) -> None:
        self._release: Callable[[], None] = held.release
        self.acquire: Callable[[], Coroutine[Any, Any, object]] = held.acquire

    async def release(self) -> None:
        self._release()

    async def __aenter__(self) -> object:
        return await self.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._release()


class _Lock(_Held):
    __slots__ = ("locked",)

    def __init__(self) -> None:
        lock = trio.Lock()
        super().__init__(lock)
        self.locked: Callable[[], bool] = lock.locked


class _Semaphore(_Held):
    __slots__ = ()

    def __init__(self, permits: int) -> None:
        super().__init__(trio.Semaphore(permits))


class _Condition(_Held):
    __slots__ = ("_condition", "wait")

    def __init__(self) -> None:
        self._condition = trio.Condition()
        super().__init__(self._condition)
        self.wait: Callable[[], Coroutine[Any, Any, object]] = self._condition.wait

    async def notify(self, n: int = 1) -> None:
        self._condition.notify(n)

    async def notify_all(self) -> None:
        self._condition.notify_all()


# --- channels ---


class _SendChannel:
    __slots__ = ("_channel", "aclose", "send")

    def __init__(self, channel: trio.MemorySendChannel[Any]) -> None:
        self._channel = channel
        self.send: Callable[[Any], Awaitable[object]] = channel.send
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = channel.aclose

    def clone(self) -> _SendChannel:
        return _SendChannel(self._channel.clone())

    def buffered(self) -> int:
        return self._channel.statistics().current_buffer_used


class _ReceiveChannel:
    __slots__ = ("aclose", "receive")

    def __init__(self, channel: trio.MemoryReceiveChannel[Any]) -> None:
        self.receive: Callable[[], Awaitable[Any]] = channel.receive
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = channel.aclose


# --- sockets ---


class _ByteStream:
    __slots__ = ("_stream",)

    # Looked up by C at each call: bound methods kept in each stream cost the collector more than this.
    send_all = property(attrgetter("_stream.send_all"))
    receive_some = property(attrgetter("_stream.receive_some"))
    send_eof = property(attrgetter("_stream.send_eof"))
    aclose = property(attrgetter("_stream.aclose"))

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def abort(self) -> None:
        if self._stream.socket.fileno() == -1:
            return
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await trio.aclose_forcefully(self._stream)


class _Listener:
    __slots__ = ("_accept", "aclose", "address")

    def __init__(self, listener: trio.SocketListener) -> None:
        host, port, *_ = listener.socket.getsockname()
        self.address: tuple[str, int] = (host, port)
        self._accept = listener.accept
        self.aclose: Callable[[], Coroutine[Any, Any, None]] = listener.aclose

    async def accept(self) -> _ByteStream:
        return _ByteStream(await self._accept())


async def _open_shared_listener(host: str, port: int, backlog: int | None) -> trio.SocketListener:
    """Do what `trio.open_tcp_listeners` does for one address, and set SO_REUSEPORT, for which it has no option."""
    family, kind, proto, _, address = (
        await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    )[0]
    sock = trio.socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        await sock.bind(address)
        sock.listen(0xFFFF if backlog is None else min(backlog, 0xFFFF))
        return trio.SocketListener(sock)
    except BaseException:
        sock.close()
        raise


class TrioRuntime:
    """trio, as a scenario sees it. What it leaves to be closed after `trio.run` it puts on the stack `after`."""

    name = "trio"

    def __init__(self, after: ExitStack, run_scheduler: RunScheduler, *, abandon_on_cancel: bool) -> None:
        self._after = after
        self._run_scheduler = run_scheduler
        self._abandon = abandon_on_cancel
        self._runner = GLOBAL_RUN_CONTEXT.runner
        self._root = trio.lowlevel.current_root_task()
        self._processes: ProcessPoolExecutor | None = None

    # --- clock ---
    now = staticmethod(trio.current_time)
    sleep = staticmethod(trio.sleep)
    checkpoint = staticmethod(trio.lowlevel.checkpoint)

    # --- structure ---
    def open_task_group(self) -> _TaskGroup:
        """`trio.open_nursery()`, with trio's default of strict exception groups."""
        return _TaskGroup(trio.open_nursery())

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> _CancelScope:
        """`trio.CancelScope(deadline=, shield=)`."""
        return _CancelScope(trio.CancelScope(deadline=math.inf if deadline is None else deadline, shield=shield))

    def fail_after(self, seconds: float) -> _Deadline:
        """`trio.fail_after(seconds)`."""
        return _Deadline(trio.fail_after(seconds))

    def move_on_after(self, seconds: float) -> _CancelScope:
        """`trio.move_on_after(seconds)`."""
        return _CancelScope(trio.move_on_after(seconds))

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`trio.fail_after(seconds)`."""
        with trio.fail_after(seconds):
            return await fn(*args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """`trio.CancelScope(shield=True)`; a cancelled caller waits."""
        with trio.CancelScope(shield=True):
            return await fn(*args)

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """Refuse: every task of trio has a nursery, and what has none is trio's own."""
        del fn, args, name
        raise UnsupportedError("trio has no task without a nursery")

    def classify(self, exc: BaseException) -> ErrorKind:
        """Map trio's errors by one table, then by errno."""
        return _kind(exc)

    def is_cancelled(self, exc: BaseException) -> bool:
        """`trio.Cancelled`."""
        return isinstance(exc, trio.Cancelled)

    # --- synchronisation ---
    def create_event(self) -> _Event:
        """`trio.Event()`."""
        return _Event()

    def create_lock(self) -> _Lock:
        """`trio.Lock()`."""
        return _Lock()

    def create_semaphore(self, permits: int) -> _Semaphore:
        """`trio.Semaphore(permits)`."""
        return _Semaphore(permits)

    def create_condition(self) -> _Condition:
        """`trio.Condition()`."""
        return _Condition()

    # --- channels ---
    def open_channel(self, capacity: int | None) -> tuple[_SendChannel, _ReceiveChannel]:
        """`trio.open_memory_channel(capacity)`."""
        send, receive = trio.open_memory_channel[Any](math.inf if capacity is None else capacity)
        return _SendChannel(send), _ReceiveChannel(receive)

    # --- sockets ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> _Listener:
        """`trio.open_tcp_listeners(port, host=, backlog=)`; a name with several addresses listens on the first."""
        if reuse_port:
            return _Listener(await _open_shared_listener(host, port, backlog))
        first, *others = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
        for other in others:
            await other.aclose()
        return _Listener(first)

    async def connect(self, host: str, port: int, *, source: str | None = None) -> _ByteStream:
        """`trio.open_tcp_stream(host, port, local_address=source)`."""
        return _ByteStream(await trio.open_tcp_stream(host, port, local_address=source))

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """`trio.to_thread.run_sync`; what a cancellation does to the thread is the option `offload`."""
        return await trio.to_thread.run_sync(fn, *args, abandon_on_cancel=self._abandon)

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """Wait in a thread for a job of a process pool: trio has nothing of its own."""
        if self._processes is None:
            import multiprocessing  # costs a tenth of a worker's start
            from concurrent.futures import ProcessPoolExecutor

            self._processes = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
            self._after.callback(self._processes.shutdown, cancel_futures=True)
        job = self._processes.submit(fn, *args)
        try:
            return await self.run_in_thread(job.result)
        except trio.Cancelled:
            job.cancel()
            raise

    # --- select ---
    async def first_completed(self, *fns: Callable[[], Awaitable[Any]]) -> Sequence[tuple[int, Any]]:
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

    # --- chapters ---
    def bridge(self) -> Bridge:
        """`trio.from_thread` and the run's `TrioToken`."""
        return TrioBridge(self._run_scheduler)

    def servers(self) -> Servers:
        """`trio.serve_listeners`."""
        return TrioServers(_ByteStream)

    def processes(self) -> Processes:
        """`trio.lowlevel.open_process`; see `harness_trio.processes`."""
        return TrioProcesses()

    # --- introspection ---
    def dump_tasks(self) -> Sequence[str]:
        """Walk the nurseries from the root task."""
        try:
            return [_describe(task, depth) for depth, task in _walk(self._root)]
        except Exception as exc:  # noqa: BLE001 - a dump of a broken run must not break it further
            return [f"(the task tree cannot be read: {exc!r})"]

    def scheduler(self) -> object:
        """Trio's runner; there is no public name for it."""
        return self._runner


def _walk(task: trio.lowlevel.Task | None, depth: int = 0) -> Iterator[tuple[int, trio.lowlevel.Task]]:
    if task is None:
        return
    yield depth, task
    for nursery in tuple(task.child_nurseries):
        for child in tuple(nursery.child_tasks):
            yield from _walk(child, depth + 1)


def _describe(task: trio.lowlevel.Task, depth: int) -> str:
    inside = Path(trio.__file__).parent
    places: list[str] = []
    for frame in _frames(task.coro):
        if inside in Path(frame.f_code.co_filename).parents:
            # The first call into trio says what the task waits for; what lies below says only how.
            places.append(frame.f_code.co_qualname)
            break
        places.append(f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})")
    return f"{'  ' * depth}{task.name}: {' in '.join(reversed(places[-2:])) or 'finished'}"


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Yield the frames of a chain of awaits, outermost first."""
    while awaited is not None:
        for kind, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if hasattr(awaited, following):
                frame = getattr(awaited, f"{kind}_frame")
                awaited = getattr(awaited, following)
                break
        else:
            return
        if frame is not None:
            yield frame
