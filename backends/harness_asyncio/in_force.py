"""Put an event loop in force for code that starts its loop itself: a test suite, unchanged.

The policy and `asyncio.new_event_loop` together reach every way in which plugins, test cases and `asyncio.run` make a
loop; each alone misses some without a sign. What really ran is seen where every loop, also one in Cython or Rust,
announces itself to asyncio.
"""

from __future__ import annotations

import asyncio
import warnings
import weakref
from asyncio import events
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from harness.api import UnsupportedError

from .backend import AsyncioRuntime, LoopFactory, load_eager_task_factory, load_loop_factory

_SUPPORTED = {"loop", "eager", "debug"}


class LoopInForce:
    """A loop factory in force.

    Args:
        options: of the backend spec.
        load_factory: imports the loop's module and returns its factory; `None` leaves asyncio as it is. It is called
            when running loops are already watched, because a loop may bind asyncio's function when it is imported.
    """

    def __init__(self, options: Mapping[str, str], load_factory: Callable[[], LoopFactory] | None) -> None:
        if unknown := sorted(options.keys() - _SUPPORTED):
            raise UnsupportedError(f"a test suite cannot be run with {', '.join(unknown)}: its code has its own idiom")
        self._ran: dict[str, None] = {}
        self._loops: dict[int, Any] = {}
        self._tasks: Any = None
        self._ordered: Any = None
        self.made = 0
        watch_running_loops(self._see)
        # Not `new_event_loop`, which asks the policy, which asks the factory once it is installed.
        own = getattr(asyncio, "EventLoop", asyncio.SelectorEventLoop)
        self._factory = _configured(load_factory() if load_factory else own, options)
        loop = self._factory()
        self.wanted = _name(loop)
        loop.close()
        self._is_installed = bool(load_factory) or self._factory is not own
        if self._is_installed:
            _install(self._make)

    def take_schedulers(self) -> tuple[str, ...]:
        """Return the classes of the loops that ran since the last call."""
        found, self._ran = tuple(self._ran), {}
        return found

    def list_tasks(self) -> dict[int, str]:
        """Return the pending tasks of the loops that ran and still exist."""
        loops = [loop for ref in tuple(self._loops.values()) if (loop := ref()) is not None]
        self._loops = {key: ref for key, ref in self._loops.items() if ref() is not None}
        return {id(task): task.get_name() for loop in loops for task in asyncio.all_tasks(loop)}

    def order(self, seed: int | None) -> None:
        """Have the tasks of loops made from now on take extra turns; `None` for their own order, 0 for no turn."""
        if self._ordered is None:
            from .delays import Ordered  # only for a suite that is run under many orders

            self._ordered = Ordered()
        if not self._is_installed:
            self._is_installed = True
            _install(self._make)
        self._ordered.switch(on=bool(seed))
        self._tasks = _make_factory(seed)

    def runtime(self) -> AsyncioRuntime | None:
        """Return the runtime of the running loop."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - documented, and None without a loop
        return AsyncioRuntime("asyncio", loop) if loop is not None else None

    def _make(self) -> asyncio.AbstractEventLoop:
        self.made += 1
        loop = self._factory()
        if self._tasks is not None:
            loop.set_task_factory(self._tasks)
        return loop

    def _see(self, loop: Any) -> None:
        self._ran[_name(loop)] = None
        if id(loop) not in self._loops:
            with suppress(TypeError):  # a loop without weak references has no tasks that can be listed
                self._loops[id(loop)] = weakref.ref(loop)


def watch_running_loops(see: Callable[[Any], None]) -> None:
    """Have each event loop that starts to run in this process shown to a function."""
    announce = events._set_running_loop  # noqa: SLF001 - documented for authors of loops

    def show(loop: Any) -> None:
        if loop is not None:
            see(loop)
        announce(loop)

    events._set_running_loop = asyncio._set_running_loop = show  # noqa: SLF001


def _make_factory(seed: int | None) -> Any:
    if seed is None:
        return None
    from .delays import DelayingTasks

    return DelayingTasks(seed)


def put_in_force(options: Mapping[str, str]) -> LoopInForce:
    """Put asyncio's own loop in force, or that of the option `loop`."""
    loop = options.get("loop", "")
    return LoopInForce(options, (lambda: load_loop_factory(loop)) if loop else None)


def _configured(factory: LoopFactory, options: Mapping[str, str]) -> LoopFactory:
    eager, debug = options.get("eager") == "true", options.get("debug") == "true"
    if not (eager or debug):
        return factory
    task_factory = load_eager_task_factory() if eager else None

    def make() -> asyncio.AbstractEventLoop:
        loop = factory()
        if task_factory is not None:
            loop.set_task_factory(task_factory)
        if debug:
            loop.set_debug(enabled=True)
        return loop

    return make


def _install(factory: LoopFactory) -> None:
    """Replace what makes loops: where Python has no policies any more, the function carries alone."""

    def new_event_loop() -> asyncio.AbstractEventLoop:
        return factory()

    events.new_event_loop = asyncio.new_event_loop = new_event_loop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        name = "DefaultEventLoopPolicy"
        default = getattr(asyncio, name, None)
        if default is None:
            return
        policy = type(name, (default,), {"_loop_factory": staticmethod(factory), "__module__": default.__module__})
        setattr(asyncio, name, policy)  # what `set_event_loop_policy(None)` falls back to
        asyncio.set_event_loop_policy(policy())


def _name(loop: object) -> str:
    kind = type(loop)
    return f"{kind.__module__}.{kind.__qualname__}"
