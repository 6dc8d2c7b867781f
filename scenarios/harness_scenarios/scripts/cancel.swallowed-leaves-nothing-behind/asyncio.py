"""A task that swallows a cancellation and calls uncancel() is free of it.

API: Task.cancel, Task.uncancel, asyncio.timeout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work() -> str:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
    except TimeoutError:
        return "a later timeout is a TimeoutError"


async def main() -> str:
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return "a later timeout is a cancellation" if task.cancelled() else task.result()


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a later timeout is a TimeoutError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
