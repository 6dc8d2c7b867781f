"""A task that was cancelled before it enters a block with a time-out of 0 is cancelled, and does not run on.

API: Task.cancel, asyncio.timeout (gh-134471).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def enter(seconds: float) -> None:
    asyncio.current_task().cancel()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.sleep(1)
    except TimeoutError:
        pass
    await asyncio.sleep(0.05)


async def main() -> str:
    tasks = [asyncio.create_task(enter(seconds)) for seconds in (30, 0.01, 0)]
    await asyncio.wait(tasks)
    return f"cancelled: {[task.cancelled() for task in tasks]}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "cancelled: [True, True, True]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
