"""Backends whose figures are wrong by a known amount: another backend, slowed, frozen or stuck on purpose.

A saboteur breaks a contract, for scenarios to catch. An injection here breaks none: it takes time, so that it can
be seen whether the measurement finds it. `harness selftest` runs them as cells like any others.
"""

from __future__ import annotations

import importlib
import os
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from itertools import count, repeat
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import msgspec

from harness.api import Backend, BackendOption, BackendRunner, Runtime, UnhandledReport

FREEZE_SECONDS = 0.2
"""How long the scheduler of a frozen client is held."""
_FREEZES_AT = 100
"""The connection at which a frozen client stands still."""

_EVERY = 100
"""Checkpoints between two spins: so many that the spin is long enough to be dosed."""
_CALIBRATIONS = 5
_TASKS, _TURNS = 200, 25
"""Tasks and turns of the control, as many as in the measured scenario."""
_STARTING_TURNS = 2
"""In which these tasks start and come to wait; that is not timed there either."""
_UNITS = 200_000

_OWN = ("of", "by", "marks", "how")


def inject(reference: Backend) -> tuple[Backend, ...]:
    """Return the backends that are the reference with an injection; its options are theirs, too."""
    of = BackendOption(name="of", default=reference.runner, summary="runner of the healthy backend: module:Class")
    slowed = (
        BackendOption(name="by", default="0", summary="how much longer a checkpoint takes, as a share"),
        BackendOption(name="marks", default="", summary="folder of marks: only the first cell of a round is slowed"),
    )
    stuck = BackendOption(name="how", default="waits", summary="for ever", choices=("waits", "spins"))
    return (
        _declare(reference, "slowed", SlowedRunner, (of, *slowed)),
        _declare(reference, "frozen", FrozenRunner, (of,)),
        _declare(reference, "stuck", StuckRunner, (of, stuck)),
    )


def _declare(
    reference: Backend, name: str, runner: type[InjectedRunner], options: tuple[BackendOption, ...]
) -> Backend:
    return msgspec.structs.replace(
        reference,
        name=name,
        summary=(runner.__doc__ or "").strip().rstrip("."),
        runner=f"{__name__}:{runner.__name__}",
        options=(*reference.options, *options),
        install_hint="part of harness",
    )


class _Injected:
    """Whatever `inner` is; a subclass adds time to one operation."""

    def __init__(self, inner: Runtime) -> None:
        self._inner: Any = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class InjectedRunner(ABC):
    """Another runner, whose runtime is wrapped."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = options
        module, _, runner = options["of"].partition(":")
        healthy = {name: value for name, value in options.items() if name not in _OWN}
        self._inner: BackendRunner = getattr(importlib.import_module(module), runner)(healthy)

    @property
    def expected_scheduler(self) -> str:
        """The scheduler that the healthy backend expects."""
        return self._inner.expected_scheduler

    @abstractmethod
    async def wrap(self, runtime: Runtime) -> Any:
        """Return the runtime that the scenario sees."""

    def run(self, main: Callable[[Runtime], Awaitable[None]], unhandled: UnhandledReport) -> None:
        """Run it on the healthy backend, with the injection."""

        async def injected(runtime: Runtime) -> None:
            await main(await self.wrap(runtime))

        self._inner.run(injected, unhandled)


# --- slowed ---


class SlowedRunner(InjectedRunner):
    """Each checkpoint takes longer by a share, which is spun on the CPU."""

    async def wrap(self, runtime: Runtime) -> Any:
        """Calibrate, also where nothing is added: the arms of a comparison must differ in nothing else."""
        units = await _units_per_checkpoint(runtime)
        share = float(self._options.get("by", "0"))
        marks = self._options.get("marks", "")
        if marks and not _is_first_of_its_round(Path(marks)):
            share = 0.0
        return _Slowed(runtime, round(share * _EVERY * units))


class _Slowed(_Injected):
    def __init__(self, inner: Runtime, units: int) -> None:
        super().__init__(inner)
        self._checkpoint = inner.checkpoint
        self._units = units
        self._left = _EVERY

    async def checkpoint(self) -> None:
        """Let others run, and spin now and then for as long as so many checkpoints are to take longer."""
        self._left -= 1
        if not self._left:
            self._left = _EVERY
            _spin(self._units)
        await self._checkpoint()


def _spin(units: int) -> None:
    # Not `range`: its numbers are made, all but the small ones, so that a unit of a long spin takes half as long again.
    for _ in repeat(None, units):
        pass


async def _units_per_checkpoint(runtime: Runtime) -> float:
    """Return how many units of spinning take as long as a checkpoint, of several pairs that were measured in turn."""
    control = _Slowed(runtime, 0)
    pairs = []
    for _ in range(_CALIBRATIONS):
        checkpoint_ns = await _time_checkpoints(control) / (_TASKS * _TURNS)
        start_ns = perf_counter_ns()
        _spin(_UNITS)
        pairs.append(checkpoint_ns * _UNITS / (perf_counter_ns() - start_ns))
    return statistics.median(pairs)


async def _time_checkpoints(runtime: Any) -> int:
    go = runtime.create_event()

    async def take_turns() -> None:
        checkpoint = runtime.checkpoint
        await go.wait()
        for _ in range(_TURNS):
            await checkpoint()

    async with runtime.open_task_group() as group:
        for _ in range(_TASKS):
            await group.spawn(take_turns)
        for _ in range(_STARTING_TURNS):
            await runtime.checkpoint()
        start_ns = perf_counter_ns()
        await go.set()
    return perf_counter_ns() - start_ns


def _is_first_of_its_round(marks: Path) -> bool:
    # All cells of a row and round have the same hash seed, and no others have it.
    try:
        os.close(os.open(marks / os.environ["PYTHONHASHSEED"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


# --- frozen ---


class FrozenRunner(InjectedRunner):
    """The whole process stands still once, while connections are opened."""

    async def wrap(self, runtime: Runtime) -> Any:
        """Count the connections."""
        return _Frozen(runtime)


class _Frozen(_Injected):
    def __init__(self, inner: Runtime) -> None:
        super().__init__(inner)
        self._opened = count(1)

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect; one of them holds the scheduler before it does."""
        if next(self._opened) == _FREEZES_AT:
            time.sleep(FREEZE_SECONDS)  # noqa: ASYNC251 - this is the freeze
        return await self._inner.connect(*args, **kwargs)


# --- stuck ---


class StuckRunner(InjectedRunner):
    """A checkpoint never returns."""

    async def wrap(self, runtime: Runtime) -> Any:
        """Say in which way."""
        return _Stuck(runtime, is_busy=self._options.get("how") == "spins")


class _Stuck(_Injected):
    def __init__(self, inner: Runtime, *, is_busy: bool) -> None:
        super().__init__(inner)
        self._is_busy = is_busy

    async def checkpoint(self) -> None:
        """Wait for what never comes, or hold the scheduler for ever."""
        while self._is_busy:
            pass
        await self._inner.create_event().wait()
