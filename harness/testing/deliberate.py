"""Scenarios that end in a way that is known beforehand: the runner must report each backend's real outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.api import Probe, Runtime, Scenario, info

REACHED = "reached the end of its preparation"
"""Observed before a scenario goes wrong, so that one that went wrong earlier can be distinguished."""
_HANG_AFTER = 1.0
_LIMIT = 30.0


class PlannedFailure(Exception):
    """The error of the failing scenario."""


async def _run(runtime: Runtime, probe: Probe) -> None:
    """Use a little of everything that a cell leaves behind when it is not tidied up."""
    send, receive = runtime.open_channel(1)
    async with runtime.open_task_group() as group:
        await group.spawn(send.send, 1)
        await receive.receive()
    await send.aclose()
    await receive.aclose()
    listener = await runtime.listen()
    await listener.aclose()
    await runtime.sleep(0.001)
    probe.observe(REACHED, True)


async def _fail(runtime: Runtime, probe: Probe) -> None:
    await runtime.checkpoint()
    probe.observe(REACHED, True)
    raise PlannedFailure("planned")


async def _wait_for_ever(runtime: Runtime, probe: Probe) -> None:
    await runtime.checkpoint()
    probe.observe(REACHED, True)
    # For a peer that never comes: a runtime may see by itself that an event of its own cannot be set any more.
    await (await runtime.listen()).accept()


async def _block(runtime: Runtime, probe: Probe) -> None:
    await runtime.checkpoint()
    probe.observe(REACHED, True)
    while True:
        pass


def _scenario(attribute: str, question: str, main: Callable[[Runtime, Probe], Awaitable[None]]) -> Scenario:
    return Scenario(
        name=f"check.{attribute.lower().replace('_', '-')}",
        question=question,
        contract=(),
        ref=f"{__name__}:{attribute}",
        roles={"main": main},
        parameters=(),
        judges={REACHED: info()},
        headline=REACHED,
        rows={},
        timeout=_LIMIT,
        hang_after=_HANG_AFTER,
    )


RUNS = _scenario("RUNS", "Does it run, and leave nothing behind?", _run)
"""Ends well."""
FAILS = _scenario("FAILS", "Is a failure reported as such?", _fail)
"""Raises `PlannedFailure`."""
WAITS = _scenario("WAITS", "Is a task that waits for ever seen, and ended?", _wait_for_ever)
"""Waits for what never comes."""
BLOCKS = _scenario("BLOCKS", "Is a call that never returns to the scheduler seen, and ended?", _block)
"""Holds the scheduler for ever."""
