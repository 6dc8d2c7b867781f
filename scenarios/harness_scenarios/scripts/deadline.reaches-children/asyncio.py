"""A timeout around a TaskGroup cancels its tasks.

API: asyncio.timeout, asyncio.TaskGroup.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    tasks = []
    try:
        async with asyncio.timeout(0.02):
            async with asyncio.TaskGroup() as group:
                tasks += [group.create_task(asyncio.sleep(60)) for _ in range(3)]
    except TimeoutError:
        return f"TimeoutError, cancelled children: {sum(task.cancelled() for task in tasks)} of 3"
    return "no time-out"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "TimeoutError, cancelled children: 3 of 3"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
