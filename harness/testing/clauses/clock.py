"""Clauses of the clock, of giving others their turn, and of introspection."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from harness.api import BackendRunner, Runtime

from .clause import clause, require, require_equal, until

_FLOAT_GRAIN = 1e-6
"""Two readings of a float clock differ by rounding."""


async def early_sleeps(runtime: Runtime, durations: Sequence[float]) -> list[str]:
    """Sleep for each duration a few times; return those that ended before their time by the runtime's own clock."""
    early = []
    for seconds in durations:
        for _ in range(10):
            before = runtime.now()
            await runtime.sleep(seconds)
            slept = runtime.now() - before
            if slept < seconds - _FLOAT_GRAIN:
                early.append(f"{seconds * 1e3:g} ms took {slept * 1e3:.3f} ms")
    return early


@clause("sleep does not return before its time", of="Runtime.sleep")
async def sleep_is_never_early(runtime: Runtime) -> None:
    """Sleep for whole milliseconds."""
    early = await early_sleeps(runtime, (0.001, 0.002, 0.005, 0.011))
    require_equal("sleeps that were early", expected=[], actual=early)


@clause("sleep does not return before its time (fractions of a millisecond)", of="Runtime.sleep")
async def short_sleep_is_never_early(runtime: Runtime) -> None:
    """Sleep for times that a clock of whole milliseconds rounds down."""
    early = await early_sleeps(runtime, (0.0003, 0.0014, 0.0024))
    require_equal("sleeps that were early", expected=[], actual=early)


@clause("sleeping lets others run", of="Runtime.sleep")
async def sleep_lets_others_run(runtime: Runtime) -> None:
    """Sleep until three others have run."""
    ran: list[int] = []

    async def child(number: int) -> None:
        ran.append(number)

    async with runtime.open_task_group() as group:
        for number in range(3):
            await group.spawn(child, number)
        await until(runtime, lambda: len(ran) == 3)
    require_equal("tasks that ran", expected=[0, 1, 2], actual=sorted(ran))


@clause("the clock is monotonic and advances", of="Runtime.now")
async def clock_is_monotonic(runtime: Runtime) -> None:
    """Read the clock at many checkpoints, and around a sleep."""
    readings = []
    for _ in range(200):
        readings.append(runtime.now())
        await runtime.checkpoint()
    require(readings == sorted(readings), "the clock went back")
    await runtime.sleep(0.002)
    require(runtime.now() > readings[0], "the clock stood still during a sleep")


@clause("a checkpoint lets another ready task run", of="Runtime.checkpoint")
async def checkpoint_yields(runtime: Runtime) -> None:
    """Wait for another task with nothing but checkpoints, a bounded number of them."""
    ran: list[str] = []
    at_body: list[bool] = []

    async def other() -> None:
        ran.append("other")

    async with runtime.open_task_group() as group:
        await group.spawn(other)
        for _ in range(100_000):
            if ran:
                break
            await runtime.checkpoint()
        at_body.append(bool(ran))
    require_equal("the other task ran meanwhile", expected=[True], actual=at_body)


@clause("dump_tasks gives text and never raises", of="Runtime.dump_tasks")
async def dump_is_text(runtime: Runtime) -> None:
    """Dump while a task waits."""
    about, release = runtime.create_event(), runtime.create_event()
    lines: list[object] = []

    async def child() -> None:
        await about.set()
        await release.wait()

    async with runtime.open_task_group() as group:
        await group.spawn(child)
        await about.wait()
        lines.extend(runtime.dump_tasks())
        await release.set()
    require(lines, "the dump has no line although two tasks live")
    require_equal("lines that are no text", expected=[], actual=[line for line in lines if not isinstance(line, str)])


@clause("the scheduler is the one that the runner expects", of="Runtime.scheduler", with_runner=True)
async def scheduler_is_expected(runtime: Runtime, runner: BackendRunner) -> None:
    """Compare its class with the runner's glob, as the attestation of a worker does."""
    scheduler = runtime.scheduler()
    found = f"{type(scheduler).__module__}.{type(scheduler).__qualname__}"
    wanted = runner.expected_scheduler
    require(fnmatchcase(found, wanted), f"the class of the scheduler: expected {wanted!r}, got {found!r}")
    require(runtime.scheduler() is scheduler, "the scheduler is another object at each call")
