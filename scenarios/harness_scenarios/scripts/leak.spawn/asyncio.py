"""Tasks that are started and joined leave no task behind.

API: asyncio.TaskGroup, asyncio.all_tasks.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    before = len(asyncio.all_tasks())
    for _ in range(100):
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
    return f"tasks left of 100: {len(asyncio.all_tasks()) - before}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "tasks left of 100: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
