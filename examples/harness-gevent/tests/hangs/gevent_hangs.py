"""Scenarios that hang on purpose. A greenlet that sleeps keeps gevent from seeing that nothing else will happen."""

from __future__ import annotations

from harness.api import Probe, Runtime, Scenario, exact
from harness.plugins import hookimpl


async def waits(runtime: Runtime, probe: Probe) -> None:
    """Greenlets that wait for a channel, for each other's end, for a time, and in a time-out."""
    send, receive = runtime.open_channel(3)
    event = runtime.create_event()

    async def reads_channel() -> None:
        probe.step("reader", "receives")
        await receive.receive()

    async def sleeps() -> None:
        await runtime.sleep(600)

    async def times_out() -> None:
        async with runtime.move_on_after(500):
            await event.wait()

    async with runtime.open_task_group() as group:
        await group.spawn(reads_channel, name="reader")
        await group.spawn(sleeps, name="sleeper")
        await group.spawn(times_out, name="patient")
    await send.send(1)


async def locks(runtime: Runtime, probe: Probe) -> None:
    """Two greenlets take two locks in opposite order, and a third one sleeps."""
    first, second = runtime.create_lock(), runtime.create_lock()
    both = runtime.create_semaphore(0)

    async def forwards() -> None:
        async with first:
            await both.acquire()
            async with second:
                pass

    async def backwards() -> None:
        async with second:
            await both.release()
            await runtime.checkpoint()
            async with first:
                pass

    async with runtime.open_task_group() as group:
        await group.spawn(forwards, name="forwards")
        await group.spawn(backwards, name="backwards")
        await group.spawn(runtime.sleep, 600, name="sleeper")


async def blocked(runtime: Runtime, probe: Probe) -> None:
    """One greenlet computes and never switches."""
    async with runtime.open_task_group() as group:
        await group.spawn(runtime.sleep, 600, name="sleeper")
        await runtime.checkpoint()
        while True:
            pass


async def polite(runtime: Runtime, probe: Probe) -> None:
    """Two greenlets switch to each other for ever."""

    async def walker() -> None:
        while True:
            await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        await group.spawn(walker, name="left")
        await group.spawn(walker, name="right")


SCENARIOS = {
    function.__name__: Scenario(
        name=f"gevent-hang.{function.__name__}",
        question=f"Is the hang of {function.__name__!r} told?",
        contract=("the autopsy says what each greenlet waits for",),
        ref=f"gevent_hangs:{function.__name__}_scenario",
        roles={"main": function},
        parameters=(),
        judges={"end": exact()},
        headline="end",
        rows={"quick": ({},)},
        side_by_side=True,
        hang_after=1.0,
        summary="hangs on purpose",
    )
    for function in (waits, locks, blocked, polite)
}
globals().update({f"{name}_scenario": scenario for name, scenario in SCENARIOS.items()})


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Bring them."""
    return list(SCENARIOS.values())
