"""Cost of an adapter on the hot paths: `python -m harness.testing.hot_path MODULE:CLASS REFERENCE [key=value]`.

How many Python functions of the adapter run for one operation is a fact, the same each time: 0 where a scenario calls
the runtime's own method. The cost of an operation is measured beside a reference backend, in the same process and in
rounds that alternate: the adapter and the runtime together, since the runtime's own call is not known from outside.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from tempfile import TemporaryFile
from types import FrameType
from typing import Any

import msgspec

from harness.api import BackendRunner, Runtime

LIMIT = 60.0
"""Seconds that all of it may take."""
REFERENCE = "asyncio"
"""The backend that the others are held against."""
_TIMES = 100
"""Operations in a row: as many as a channel of this capacity takes without waiting."""
_BATCHES = 5
_ROUNDS = 20

Meter = Callable[[str], AbstractContextManager[None]]
"""Measures the operation inside it, by its name, `_TIMES` times."""


class OperationCost(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one operation. A cost that could not be measured is nothing, and `error` gives the reason."""

    operation: str
    """In words, e.g. `channel send`."""
    calls: float | None = None
    """Python functions of the adapter's own package that run for it; 0 is the runtime's own method."""
    cpu_ns: float | None = None
    """CPU time of one, adapter and runtime together; the median of the rounds."""
    ratio: float | None = None
    """That against the reference backend, side by side; the median of the rounds."""
    low: float | None = None
    """Lower bound of the exact 95 % interval of the ratio."""
    high: float | None = None
    """Upper bound."""
    error: str = ""
    """Why something of it is not known."""


class _Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Report of the process."""

    calls: dict[str, float]
    cpu: dict[str, list[float]]
    """Seconds for one operation, of each round."""
    reference: dict[str, list[float]]
    errors: dict[str, str]


def measure_hot_paths(
    runner: str, options: Mapping[str, str], reference: str, *, limit: float = LIMIT
) -> tuple[OperationCost, ...]:
    """Measure every hot operation of a backend. Whatever goes wrong is in the result: this is no test.

    Args:
        runner: `"module:Class"` of its `BackendRunner`.
        options: of the backend spec.
        reference: the runner of the backend that it is held against; empty for none.
        limit: seconds that it may take.
    """
    command = [sys.executable, "-P", "-m", "harness.testing.hot_path", runner, reference]
    command += [f"{key}={value}" for key, value in options.items()]
    # Files, because a pipe that a child of the backend holds open would never end.
    with TemporaryFile() as said, TemporaryFile() as words:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=words,
                timeout=limit,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return _nothing(f"it did not end within {limit:g} s")
        texts = [_read(file) for file in (said, words)]
    if done.returncode or not texts[0]:
        return _nothing(texts[1].splitlines()[-1] if texts[1] else f"its process ended with {done.returncode}")
    measured = msgspec.json.decode(texts[0], type=_Measured)
    return tuple(_cost(name, measured) for name in _NAMES)


def _read(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace").strip())


def _nothing(why: str) -> tuple[OperationCost, ...]:
    return tuple(OperationCost(operation=name, error=why) for name in _NAMES)


def _cost(name: str, measured: _Measured) -> OperationCost:
    from harness.compare.intervals import CONFIDENCE, estimate_median, factor, pair_log_ratios

    cpu, reference = (dict(enumerate(side.get(name, ()))) for side in (measured.cpu, measured.reference))
    ratios = estimate_median(pair_log_ratios(cpu, reference), CONFIDENCE)
    return OperationCost(
        operation=name,
        calls=measured.calls.get(name),
        cpu_ns=statistics.median(cpu.values()) * 1e9 if cpu else None,
        ratio=None if ratios is None else factor(ratios.median),
        low=None if ratios is None else factor(ratios.low),
        high=None if ratios is None else factor(ratios.high),
        error=measured.errors.get(name, ""),
    )


# --- the operations, as scenarios write them ---


async def _use_channel(runtime: Runtime, measured: Meter) -> None:
    send, receive = runtime.open_channel(_TIMES)
    with measured("channel send"):
        for number in range(_TIMES):
            await send.send(number)
    with measured("channel receive"):
        for _ in range(_TIMES):
            await receive.receive()


async def _use_checkpoint(runtime: Runtime, measured: Meter) -> None:
    with measured("checkpoint"):
        for _ in range(_TIMES):
            await runtime.checkpoint()


async def _use_sleep(runtime: Runtime, measured: Meter) -> None:
    with measured("sleep(0)"):
        for _ in range(_TIMES):
            await runtime.sleep(0)


async def _use_event(runtime: Runtime, measured: Meter) -> None:
    event = runtime.create_event()
    await event.set()
    with measured("wait for an event that is set"):
        for _ in range(_TIMES):
            await event.wait()


async def _use_lock(runtime: Runtime, measured: Meter) -> None:
    lock = runtime.create_lock()
    with measured("acquire and release a free lock"):
        for _ in range(_TIMES):
            await lock.acquire()
            await lock.release()


_OPERATIONS: tuple[tuple[Callable[[Runtime, Meter], Awaitable[None]], tuple[str, ...]], ...] = (
    (_use_channel, ("channel send", "channel receive")),
    (_use_checkpoint, ("checkpoint",)),
    (_use_sleep, ("sleep(0)",)),
    (_use_event, ("wait for an event that is set",)),
    (_use_lock, ("acquire and release a free lock",)),
)
_NAMES = tuple(name for _, names in _OPERATIONS for name in names)


# --- in the process ---


class _Calls:
    """Counts the functions of some packages that run inside it, each coroutine once however often it is resumed."""

    def __init__(self, packages: set[str]) -> None:
        self.counts: dict[str, float] = {}
        self._packages = packages

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        # The frames are kept, so that no other one gets the id of one that is gone.
        around = {id(frame): frame for frame in _stack()}
        frames: dict[int, FrameType] = {}

        def look(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and id(frame) not in around and self._is_own(frame):
                frames[id(frame)] = frame

        before = sys.getprofile()
        sys.setprofile(look)
        try:
            yield
        finally:
            sys.setprofile(before)
            self.counts[name] = len(frames) / _TIMES

    def _is_own(self, frame: FrameType) -> bool:
        return str(frame.f_globals.get("__name__")).partition(".")[0] in self._packages


def _stack() -> Iterator[FrameType]:
    """Yield the functions that are running: those that an adapter runs a scenario in are resumed, not called."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what `inspect.currentframe` calls
    while frame is not None:
        yield frame
        frame = frame.f_back


class _Cpu:
    """Takes the CPU time of this process, threads of the runtime included."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.seconds[name] += (time.process_time() - begin) / (_TIMES * _BATCHES)


def _use(runner: BackendRunner, meter: Meter, batches: int = 1) -> dict[str, str]:
    """Run every operation on a fresh runtime, once before it is measured; return what failed, by operation."""
    errors: dict[str, str] = {}

    async def main(runtime: Runtime) -> None:
        for operation, names in _OPERATIONS:
            try:
                await operation(runtime, lambda _: nullcontext())
                for _ in range(batches):
                    await operation(runtime, meter)
            except Exception as exc:  # noqa: BLE001 - one that is not there yet leaves the others
                errors.update(dict.fromkeys(names, f"{type(exc).__name__}: {exc}"))

    runner.run(main, lambda _exc, _context: None)
    return errors


def _load(runner: str) -> Callable[[Mapping[str, str]], BackendRunner]:
    module, _, name = runner.partition(":")
    loaded: Callable[[Mapping[str, str]], BackendRunner] = getattr(importlib.import_module(module), name)
    return loaded


def _packages(runner: BackendRunner) -> set[str]:
    """Return the packages that an adapter is made of: its own, and those of the adapters that it extends."""
    return {kind.__module__.partition(".")[0] for kind in type(runner).__mro__} - {"builtins", "typing", "abc"}


def _measure(runner: str, reference: str, options: Mapping[str, str]) -> _Measured:
    make_own = _load(runner)
    calls = _Calls(_packages(make_own(options)))
    errors = _use(make_own(options), calls)
    sides: list[tuple[Callable[[], BackendRunner], dict[str, list[float]]]] = [(lambda: make_own(options), {})]
    try:
        make_other = _load(reference) if reference else None
    except Exception:  # noqa: BLE001 - whatever the import of a runtime raises
        make_other = None
    if make_other is not None:
        sides.append((lambda: make_other({}), {}))
    for number in range(_ROUNDS):
        for make, found in sides if number % 2 else reversed(sides):
            cpu = _Cpu()
            _use(make(), cpu, _BATCHES)
            for name, seconds in cpu.seconds.items():
                found.setdefault(name, []).append(seconds)
    others = sides[1][1] if len(sides) > 1 else {}
    return _Measured(calls=calls.counts, cpu=sides[0][1], reference=others, errors=errors)


def _main(arguments: Sequence[str]) -> None:
    """Measure, and write the results to the original stdout, which the backend cannot reach."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    runner, reference, *options = arguments
    measured = _measure(runner, reference, dict(option.split("=", 1) for option in options))
    results.write(msgspec.json.encode(measured))
    results.flush()
    os._exit(0)  # a runtime may have left a thread behind


if __name__ == "__main__":
    _main(sys.argv[1:])
