"""Run scenarios on asyncio, with its stock loop or any loop that a factory makes."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

from harness.api import (
    Bridge,
    Datagrams,
    Names,
    Processes,
    Runtime,
    Servers,
    TaskSnapshot,
    Tls,
    UnhandledReport,
    UnixSockets,
    UnsupportedError,
)

from . import bridge, channels, introspection, servers, streams
from .bridge import RunScheduler
from .offload import ProcessPool
from .structure import AsyncioCancelScope, AsyncioTaskGroup, classify, first_completed
from .synchronisation import AsyncioCondition, AsyncioEvent, AsyncioLock, AsyncioSemaphore

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class AsyncioRuntime:
    """The contract in asyncio's words. What has the same shape *is* asyncio's own function."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, run_scheduler: RunScheduler | None = None) -> None:
        self.name = name
        self._run_scheduler = run_scheduler or AsyncioRunner({}).run
        self.now: Callable[[], float] = loop.time
        self._loop = loop
        self._processes = ProcessPool()
        self._unowned: set[asyncio.Task[Any]] = set()

    # --- clock ---
    # `now` is the loop's own method, set above.
    sleep = staticmethod(asyncio.sleep)
    # `asyncio.sleep` itself with 0 as its default: to call a `partial` costs 8 % of a switch on uvloop.
    checkpoint = staticmethod(FunctionType(asyncio.sleep.__code__, asyncio.sleep.__globals__, "sleep", (0, None)))

    # --- structure ---
    def open_task_group(self) -> AsyncioTaskGroup:
        """Open an `asyncio.TaskGroup` that can be cancelled."""
        return AsyncioTaskGroup()

    def open_cancel_scope(self, *, deadline: float | None = None, shield: bool = False) -> AsyncioCancelScope:
        """Open an `asyncio.timeout_at` that can be cancelled and is silent."""
        if shield:
            raise UnsupportedError("asyncio cannot shield a block: asyncio.shield protects an awaitable")
        return AsyncioCancelScope(deadline)

    fail_after = staticmethod(asyncio.timeout)

    def move_on_after(self, seconds: float) -> AsyncioCancelScope:
        """Open an `asyncio.timeout` that is silent."""
        return AsyncioCancelScope(self._loop.time() + seconds)

    async def run_with_timeout(self, seconds: float, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Run it in an `asyncio.timeout`."""
        async with asyncio.timeout(seconds):
            return await fn(*args)

    async def run_shielded(self, fn: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Run it as a task behind `asyncio.shield`; a cancelled caller leaves it running."""
        return await asyncio.shield(self._start(fn, args, None))

    async def spawn_detached(
        self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> None:
        """Start it with `asyncio.create_task`; tasks left when the run ends are cancelled by `asyncio.Runner`."""
        self._start(fn, args, name)

    def _start(
        self, fn: Callable[..., Awaitable[Any]], args: tuple[object, ...], name: str | None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(fn(*args), name=name)  # type: ignore[arg-type]  # asyncio wants a coroutine
        # The loop holds tasks weakly; asyncio's documentation asks its users to keep a reference.
        self._unowned.add(task)
        task.add_done_callback(self._unowned.discard)
        return task

    classify = staticmethod(classify)

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

    # --- streams ---
    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, *, backlog: int | None = None, reuse_port: bool = False
    ) -> streams.AsyncioListener:
        """Start a server on asyncio streams."""
        return await streams.listen(host, port, backlog=backlog, reuse_port=reuse_port)

    connect = staticmethod(streams.connect)

    # --- offload ---
    async def run_in_thread(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a blocking function with `asyncio.to_thread`."""
        return await asyncio.to_thread(fn, *args)

    async def run_in_process(self, fn: Callable[..., Any], *args: object) -> Any:
        """Run a picklable function in a process pool."""
        return await self._loop.run_in_executor(self._processes.start(), fn, *args)

    def stop_processes(self) -> None:
        """Stop the process pool, if there is one, and wait for its running jobs."""
        self._processes.stop()

    # --- select ---
    first_completed = staticmethod(first_completed)

    # --- chapters ---
    def bridge(self) -> Bridge:
        """Return the calls from threads."""
        return bridge.AsyncioBridge(self._loop, self._run_scheduler)

    def servers(self) -> Servers:
        """Return the servers on asyncio streams."""
        return servers.AsyncioServers()

    def unix(self) -> UnixSockets:
        """Return the Unix sockets on asyncio streams."""
        from .unix import AsyncioUnix  # few cells need it

        return AsyncioUnix()

    def names(self) -> Names:
        """Return the look-ups of the loop."""
        from .names import AsyncioNames  # few cells need it

        return AsyncioNames(self._loop)

    def processes(self) -> Processes:
        """Start programs with `asyncio.create_subprocess_exec`."""
        from .processes import AsyncioProcesses  # imports subprocess, which few cells need

        return AsyncioProcesses()

    def tls(self) -> Tls:
        """`asyncio.open_connection(ssl=)` and its kin; see `harness_asyncio.tls`."""
        from .tls import AsyncioTls  # imports ssl, which few cells need

        return AsyncioTls()

    def datagrams(self) -> Datagrams:
        """Return the datagram endpoints of the loop."""
        from .datagrams import AsyncioDatagrams  # few cells need it

        return AsyncioDatagrams()

    # --- introspection ---
    def tasks(self) -> Sequence[TaskSnapshot]:
        """`asyncio.all_tasks`."""
        return introspection.read_tasks(self._loop)

    def timers(self) -> Sequence[float]:
        """Read the loop's timer handles."""
        return introspection.read_timers(self._loop)

    def scheduler(self) -> asyncio.AbstractEventLoop:
        """Return the running loop."""
        return self._loop


_NO_IDIOMS = {"loop", "eager", "debug"}
"""Options that change no idiom."""


def runtime_class(options: Mapping[str, str]) -> type[AsyncioRuntime]:
    """Return the runtime with the idioms that options ask for in the place of the default ones."""
    if not options.keys() - _NO_IDIOMS:
        return AsyncioRuntime
    from .idioms import IDIOMS  # four modules that a worker with the default idioms need not load

    chosen = [IDIOMS[item] for item in sorted(options.items()) if item in IDIOMS]
    return type("AsyncioRuntime", (*chosen, AsyncioRuntime), {}) if chosen else AsyncioRuntime


class AsyncioRunner:
    """Run scenarios with `asyncio.Runner`.

    Options: `loop` (`module[:factory]`), `eager` and `debug` (`true` or `false`), and those of `idioms.IDIOMS`.
    """

    name = "asyncio"

    def __init__(self, options: Mapping[str, str]) -> None:
        loop = options.get("loop", "")
        self._loop_factory: LoopFactory | None = self._attesting(load_loop_factory(loop)) if loop else None
        self._made = ""
        self._has_factory = ":" in loop
        self._runtime_class = runtime_class(options)
        self._loop_package = loop.partition(":")[0].partition(".")[0] or "asyncio"
        self._task_factory = load_eager_task_factory() if options.get("eager") == "true" else None
        # None leaves the choice to Python's own switches (-X dev, PYTHONASYNCIODEBUG), as asyncio.run does.
        self._debug = True if options.get("debug") == "true" else None

    @property
    def expected_scheduler(self) -> str:
        """Glob over the loop's class: the class that the factory of `loop=` returned, else one of the loop's package.

        A factory may return a loop of any module (a patched one, one that an application chooses). A module that is
        named without a factory and returns the stock loop has fallen back to it: that is not the requested loop.
        """
        has_fallen_back = self._made.startswith("asyncio.") and not self._has_factory
        return self._made if self._made and not has_fallen_back else f"{self._loop_package}.*"

    def _attesting(self, factory: LoopFactory) -> LoopFactory:
        """Return a factory that notes the class of the loop that it returns."""

        def make() -> asyncio.AbstractEventLoop:
            loop = factory()
            kind = type(loop)
            self._made = f"{kind.__module__}.{kind.__qualname__}"
            return loop

        return make

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run `main` on a fresh loop."""
        runtimes: list[AsyncioRuntime] = []

        def report(*loop_and_context: Any) -> None:
            context = loop_and_context[-1]  # rloop 0.5.0 calls the handler without the loop.
            unhandled(context.get("exception"), context.get("message", ""))  # uvloop's child watcher has no message

        async def body() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(report)
            if self._task_factory is not None:
                loop.set_task_factory(self._task_factory)
                await require_eager_tasks(loop)
            runtimes.append(self._runtime_class(self.name, loop, self.run))
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


async def require_eager_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Start a task, to see that the loop and the eager task factory get along.

    Raises:
        UnsupportedError: it cannot be started, or does not run at once; the loop then has its own factory again.
    """
    step = _end_at_once()
    try:
        task = loop.create_task(step)
    except TypeError as exc:  # uvloop 0.23 hands over `eager_start`, which factories before Python 3.13.3 do not take.
        step.close()
        loop.set_task_factory(None)
        raise UnsupportedError(f"eager=true does not work on {type(loop).__module__}: {exc}") from exc
    is_eager = task.done()
    await task
    if not is_eager:
        loop.set_task_factory(None)
        raise UnsupportedError(f"eager=true does not work on {type(loop).__module__}: its tasks start later")


async def _end_at_once() -> None:
    pass


def load_loop_factory(spec: str) -> LoopFactory:
    """Import `module[:factory]`; without a factory the module's `new_event_loop`.

    Raises:
        ImportError: the module cannot be imported or has no such factory; names those that it seems to have.
    """
    module_name, _, factory_name = spec.partition(":")
    module = importlib.import_module(module_name)
    factory = getattr(module, factory_name or "new_event_loop", None)
    if callable(factory):
        return factory  # type: ignore[no-any-return]  # the worker attests the loop that it makes
    found = [
        name
        for name, value in vars(module).items()
        if callable(value) and name.endswith(("Loop", "new_event_loop")) and not name.startswith("_")
    ]
    hint = f"try loop={module_name}:{found[0]} (found: {', '.join(found)})" if found else "none was found"
    raise ImportError(f"module {module_name!r} has no loop factory {factory_name or 'new_event_loop'!r}; {hint}")
