"""A task that swallows its cancellation is not cancelled again at the next wait (edge cancellation).

API: Task.cancel.
"""

import asyncio
import contextlib
import sys
from asyncio import new_event_loop  # the event loop under test


async def work() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(0.01)
    return "the next wait completes"


async def main() -> str:
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=3)
    return "cancelled again" if task.cancelled() else task.result()


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the next wait completes"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
