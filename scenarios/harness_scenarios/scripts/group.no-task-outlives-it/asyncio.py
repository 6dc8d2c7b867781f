"""A TaskGroup that is cancelled waits until every task of it has ended.

API: asyncio.TaskGroup, asyncio.timeout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def work() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)


async def main() -> str:
    try:
        async with asyncio.timeout(0.02):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work()) for _ in range(3)]
    except TimeoutError:
        pass
    return f"tasks that outlive the block: {sum(not task.done() for task in tasks)}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "tasks that outlive the block: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
