"""Scenarios that hold their scheduler for a while and end, and one that is healthy."""

import time

from harness.api import Probe, Runtime, Scenario
from harness_planted.plant import plant

STALLS: list[Scenario] = []


planted = plant(STALLS, "stall", "the runner names the call that held the scheduler")


async def in_a_task(runtime, probe, fn, *args):
    async def task():
        await runtime.sleep(0.2)
        fn(*args)

    async with runtime.open_task_group() as group:
        await group.spawn(task, name="task")
    probe.observe("steps", 1)


def _compute():
    until = time.thread_time() + 0.4
    while time.thread_time() < until:
        pass


@planted("sleeping-call")
async def sleeping_call(runtime: Runtime, probe: Probe) -> None:
    """A task calls `time.sleep` for 0.4 s."""
    await in_a_task(runtime, probe, time.sleep, 0.4)


@planted("computing-call")
async def computing_call(runtime: Runtime, probe: Probe) -> None:
    """A task computes for 0.4 s in one call."""
    await in_a_task(runtime, probe, _compute)


@planted("then-hangs", hang_after=1.5, timeout=20.0)
async def then_hangs(runtime: Runtime, probe: Probe) -> None:
    """A task holds the scheduler for 0.4 s; then everything waits for ever."""
    await in_a_task(runtime, probe, time.sleep, 0.4)
    await runtime.create_event().wait()


@planted("measured", cpu_bound=True)
async def measured(runtime: Runtime, probe: Probe) -> None:
    """What is measured on one thread is not asked for its stacks."""
    await in_a_task(runtime, probe, _compute)


@planted("healthy-sleep")
async def healthy_sleep(runtime: Runtime, probe: Probe) -> None:
    """A task awaits for 0.4 s."""
    await runtime.sleep(0.4)
    probe.observe("steps", 1)


@planted("healthy-turns")
async def healthy_turns(runtime: Runtime, probe: Probe) -> None:
    """Two tasks compute for 0.4 s in all and give way again and again."""
    until = time.thread_time() + 0.4

    async def walker():
        while time.thread_time() < until:
            sum(range(2_000))
            await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        await group.spawn(walker, name="left")
        await group.spawn(walker, name="right")
    probe.observe("steps", 1)
