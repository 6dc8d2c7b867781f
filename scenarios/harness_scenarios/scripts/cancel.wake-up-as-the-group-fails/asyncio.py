"""A child whose wait has completed as its group fails is cancelled.

API: asyncio.TaskGroup.
"""

import asyncio
import contextlib
import sys
from asyncio import new_event_loop  # the event loop under test


async def child(event: asyncio.Event, steps: list[str]) -> None:
    try:
        await event.wait()
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        steps.append("cancelled")
        raise


async def main() -> str:
    event, steps = asyncio.Event(), []
    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(child(event, steps))
            await asyncio.sleep(0.01)
            event.set()
            raise ValueError("the body fails")
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['cancelled']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
