"""Run scenarios on asyncio, with its stock loop or any loop that a factory makes."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager
from functools import cached_property, partial
from typing import Any

from harness.api import ErrorKind, Runtime, UnhandledReport, UnsupportedError, classify_common

from . import channels, introspection, selection, streams
from .scopes import AsyncioCancelScope, AsyncioTaskGroup
from .synchronisation import AsyncioCondition, AsyncioEvent, AsyncioLock, AsyncioSemaphore

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

_KINDS: dict[type[BaseException], ErrorKind] = {
    asyncio.CancelledError: ErrorKind.CANCELLED,
    TimeoutError: ErrorKind.DEADLINE,  # Of asyncio.timeout; that of a socket has an errno.
    ConnectionResetError: ErrorKind.CLOSED,  # Of drain after close or abort; that of a peer has an errno.
    asyncio.IncompleteReadError: ErrorKind.BROKEN,
}
"""Meaning of asyncio's own exceptions, where they carry no errno."""
if hasattr(asyncio, "QueueShutDown"):
    _KINDS[asyncio.QueueShutDown] = ErrorKind.END_OF_CHANNEL

_CLOSED_MESSAGES = ("Cannot call write() after write_eof()", "the handler is closed")
"""How asyncio, and uvloop for a closed transport, say in a plain `RuntimeError` that this side can no longer write."""


class AsyncioRuntime:
    """The contract in asyncio's words. What has the same shape *is* asyncio's own function."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.now: Callable[[], float] = loop.time
        self._loop = loop

    # --- clock ---
    # `now` is the loop's own method, set above.
    sleep = staticmethod(asyncio.sleep)
    checkpoint = staticmethod(partial(asyncio.sleep, 0))

    # --- structure ---
    def open_task_group(self) -> AsyncioTaskGroup:
        """Open an `asyncio.TaskGroup` that can be cancelled."""
        return AsyncioTaskGroup()

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> AsyncioCancelScope:
        """Open an `asyncio.timeout_at` that can be cancelled and is silent."""
        if shield:
            raise UnsupportedError("asyncio cannot shield a block: asyncio.shield protects an awaitable")
        return AsyncioCancelScope(deadline)

    def fail_after(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Open an `asyncio.timeout`."""
        return asyncio.timeout(seconds)

    def move_on_after(self, seconds: float) -> AsyncioCancelScope:
        """Open an `asyncio.timeout` that is silent."""
        return AsyncioCancelScope(self._loop.time() + seconds)

    def classify(self, exc: BaseException) -> ErrorKind:
        """Say what an exception means."""
        if getattr(exc, "errno", None) is None and (kind := _KINDS.get(type(exc))) is not None:
            return kind
        if type(exc) is RuntimeError and str(exc).endswith(_CLOSED_MESSAGES):
            return ErrorKind.CLOSED
        return classify_common(exc)

    def is_cancelled(self, exc: BaseException) -> bool:
        """Return whether it is `asyncio.CancelledError`."""
        return isinstance(exc, asyncio.CancelledError)

    # --- synchronisation ---
    create_event = AsyncioEvent
    create_lock = AsyncioLock
    create_semaphore = AsyncioSemaphore
    create_condition = AsyncioCondition

    # --- channels ---
    def open_channel(self, capacity: int | None) -> tuple[channels.AsyncioSendChannel, channels.AsyncioReceiveChannel]:
        """Open a channel on an `asyncio.Queue`, or a rendezvous."""
        return channels.open_channel(capacity, self._loop)

    # --- sockets ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> streams.AsyncioListener:
        """Start a server on asyncio streams."""
        return await streams.listen(host, port, backlog=backlog, reuse_port=reuse_port)

    async def connect(self, host: str, port: int, *, source: str | None = None) -> streams.AsyncioByteStream:
        """Open a connection on asyncio streams."""
        return await streams.connect(host, port, source)

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a blocking function with `asyncio.to_thread`."""
        return await asyncio.to_thread(fn, *args)

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a picklable function in a process pool."""
        return await self._loop.run_in_executor(self._processes, fn, *args)

    @cached_property
    def _processes(self) -> ProcessPoolExecutor:
        # Spawned, because a fork would copy the loop's descriptors and the locks of its threads.
        return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))

    def stop_processes(self) -> None:
        """Stop the process pool, if there is one, and wait for what it still runs."""
        if "_processes" in vars(self):
            self._processes.shutdown(wait=True, cancel_futures=True)

    # --- select ---
    first_completed = staticmethod(selection.first_completed)

    # --- introspection ---
    def dump_tasks(self) -> Sequence[str]:
        """Return a line for each live task."""
        return introspection.dump_tasks(self._loop)

    def scheduler(self) -> asyncio.AbstractEventLoop:
        """Return the running loop."""
        return self._loop


class AsyncioRunner:
    """Run scenarios with `asyncio.Runner`.

    Options: `loop` (`module[:factory]`), `eager` and `debug` (`true` or `false`).
    """

    name = "asyncio"

    def __init__(self, options: Mapping[str, str]) -> None:
        loop = options.get("loop", "")
        self._loop_factory: LoopFactory | None = load_loop_factory(loop) if loop else None
        self._loop_package = loop.partition(":")[0].partition(".")[0] or "asyncio"
        self._task_factory = load_eager_task_factory() if options.get("eager") == "true" else None
        # None leaves the choice to Python's own switches (-X dev, PYTHONASYNCIODEBUG), as asyncio.run does.
        self._debug = True if options.get("debug") == "true" else None

    @property
    def expected_scheduler(self) -> str:
        """Glob over the loop's class: whatever class the loop's own package makes."""
        return f"{self._loop_package}.*"

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main` on a fresh loop."""
        runtimes: list[AsyncioRuntime] = []

        def report(*loop_and_context: Any) -> None:
            context = loop_and_context[-1]  # rloop 0.5.0 calls the handler without the loop.
            unhandled(context.get("exception"), context["message"])

        async def body() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(report)
            if self._task_factory is not None:
                loop.set_task_factory(self._task_factory)
            runtimes.append(AsyncioRuntime(self.name, loop))
            await main(runtimes[0])

        try:
            with asyncio.Runner(loop_factory=self._loop_factory, debug=self._debug) as runner:
                runner.run(body())
        finally:
            # After the loop, because it blocks until the jobs end.
            for runtime in runtimes:
                runtime.stop_processes()


def load_eager_task_factory() -> Any:
    """Return `asyncio.eager_task_factory`; `UnsupportedError` before Python 3.12."""
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        raise UnsupportedError("eager=true needs Python 3.12 or later: asyncio has no eager_task_factory")
    return factory


def load_loop_factory(spec: str) -> LoopFactory:
    """Import `module[:factory]`; without a factory the module's `new_event_loop`.

    Raises:
        ImportError: the module cannot be imported or has no such factory; names those that it seems to have.
    """
    module_name, _, factory_name = spec.partition(":")
    module = importlib.import_module(module_name)
    factory = getattr(module, factory_name or "new_event_loop", None)
    if callable(factory):
        return factory  # type: ignore[no-any-return]  # what it makes is attested by the worker
    found = [
        name
        for name, value in vars(module).items()
        if callable(value) and name.endswith(("Loop", "new_event_loop")) and not name.startswith("_")
    ]
    hint = f"try loop={module_name}:{found[0]} (found: {', '.join(found)})" if found else "none was found"
    raise ImportError(f"module {module_name!r} has no loop factory {factory_name or 'new_event_loop'!r}; {hint}")
