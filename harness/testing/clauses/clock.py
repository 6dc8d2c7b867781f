"""Clauses of the clock, and of giving others their turn."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import Runtime

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
