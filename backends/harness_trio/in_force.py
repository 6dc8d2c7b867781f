"""trio in force for a test suite: tests start it themselves, or a plugin does, and it is attested where it ran."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NoReturn

import trio
from trio._core import _run

from harness.api import UnsupportedError
from harness_asyncio.in_force import watch_running_loops

from .backend import TrioRuntime

_NAME = "trio"


class _Watch(trio.abc.Instrument):
    """Sees each turn of a run, which may last for several tests."""

    def __init__(self, see: Callable[[str], None]) -> None:
        self._see = see

    def before_io_wait(self, timeout: float) -> None:
        """Note that trio runs."""
        del timeout
        self._see(_NAME)


class TrioInForce:
    """trio as it is: there is nothing to replace, because no library makes a loop for it."""

    wanted = _NAME
    made = 0

    def __init__(self, options: Mapping[str, str]) -> None:
        if options:
            raise UnsupportedError(f"a test suite cannot be run with {', '.join(sorted(options))}")
        self._ran: dict[str, None] = {}
        self._native = _run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 - trio has no other switch for it
        watch_running_loops(lambda loop: self._see(f"{type(loop).__module__}.{type(loop).__qualname__}"))
        self._watch_runs()

    def take_schedulers(self) -> tuple[str, ...]:
        """Return what ran since the last call: trio, or classes of event loops."""
        found, self._ran = tuple(self._ran), {}
        return found

    def list_tasks(self) -> dict[int, str]:
        """Return nothing: no task of trio outlives its nursery."""
        return {}

    def order(self, seed: int | None) -> None:
        """Shuffle each batch of ready tasks from a seed; trio's own order is a coin's."""
        module: Any = _run
        module._r, module._ALLOW_DETERMINISTIC_SCHEDULING = (  # noqa: SLF001
            (random.Random(f"suite/{seed}"), True) if seed else self._native  # noqa: S311 - an order, not a secret
        )

    def runtime(self) -> TrioRuntime | None:
        """Return the runtime of the run in this thread."""
        return TrioRuntime(ExitStack(), _refuse, abandon_on_cancel=False) if trio.lowlevel.in_trio_run() else None

    def _see(self, name: str) -> None:
        self._ran[name] = None

    def _watch_runs(self) -> None:
        module: Any = _run
        set_up = module.setup_runner

        def setup_runner(clock: Any, instruments: Sequence[Any], *rest: Any, **named: Any) -> Any:
            return set_up(clock, [*instruments, _Watch(self._see)], *rest, **named)

        module.setup_runner = setup_runner


def put_in_force(options: Mapping[str, str]) -> TrioInForce:
    """Return what attests trio."""
    return TrioInForce(options)


def _refuse(*_: object) -> NoReturn:
    raise UnsupportedError("a suite starts its own schedulers")
