"""Put an event loop in force for code that starts its loop itself: a test suite, unchanged.

The policy and `asyncio.new_event_loop` together reach every way in which plugins, test cases and `asyncio.run` make a
loop; each alone misses some without a sign. What really ran is seen where every loop, also one in Cython or Rust,
announces itself to asyncio.
"""

from __future__ import annotations

import asyncio
import warnings
from asyncio import events
from collections.abc import Callable, Mapping
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
        self._watch()
        own = events.new_event_loop
        factory = _configured(load_factory() if load_factory else own, options)
        loop = factory()
        self.wanted = _name(loop)
        loop.close()
        if load_factory or factory is not own:
            _install(factory)

    def take_schedulers(self) -> tuple[str, ...]:
        """Return the classes of the loops that ran since the last call."""
        found, self._ran = tuple(self._ran), {}
        return found

    def runtime(self) -> AsyncioRuntime | None:
        """Return the runtime of the running loop."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - documented, and None without a loop
        return AsyncioRuntime("asyncio", loop) if loop is not None else None

    def _watch(self) -> None:
        announce = events._set_running_loop  # noqa: SLF001 - documented for authors of loops

        def see(loop: Any) -> None:
            if loop is not None:
                self._ran[_name(loop)] = None
            announce(loop)

        events._set_running_loop = asyncio._set_running_loop = see  # noqa: SLF001


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
