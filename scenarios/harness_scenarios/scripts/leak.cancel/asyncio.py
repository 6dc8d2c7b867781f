"""Tasks that are cancelled while they wait leave no task behind.

API: asyncio.TaskGroup, asyncio.all_tasks, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    before = len(asyncio.all_tasks())
    for _ in range(100):
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
    return f"tasks left of 100: {len(asyncio.all_tasks()) - before}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "tasks left of 100: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
