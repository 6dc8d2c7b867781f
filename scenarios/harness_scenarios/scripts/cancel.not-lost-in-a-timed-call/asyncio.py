"""A task that is cancelled as its call with a time-out completes sees the cancellation.

API: asyncio.timeout, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def call(event: asyncio.Event, steps: list[str]) -> None:
    async with asyncio.timeout(5):
        await event.wait()
    steps.append("the call returns")
    await asyncio.sleep(1)
    steps.append("the task runs on")


async def main() -> str:
    event, steps = asyncio.Event(), []
    task = asyncio.create_task(call(event, steps))
    await asyncio.sleep(0.05)
    event.set()
    await asyncio.sleep(0)
    task.cancel()  # in the turn in which the call completes
    await asyncio.wait([task], timeout=3)
    return f"cancelled: {task.done() and task.cancelled()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "cancelled: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
