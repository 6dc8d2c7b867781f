"""A task that is woken and cancelled in one turn sees the cancellation at once.

API: asyncio.Event.wait, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work(event: asyncio.Event, steps: list[str]) -> None:
    try:
        await event.wait()
        steps.append("woken")
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        steps.append("cancelled")
        raise


async def main() -> str:
    event, steps = asyncio.Event(), []
    task = asyncio.create_task(work(event, steps))
    await asyncio.sleep(0.01)
    event.set()
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return str(steps)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['cancelled']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
