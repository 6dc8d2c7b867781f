"""Two tasks that take two locks in opposite order wait for each other until they are cancelled.

API: asyncio.Lock.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def take(first: asyncio.Lock, second: asyncio.Lock) -> None:
    async with first:
        await asyncio.sleep(0)
        async with second:
            pass


async def main() -> str:
    one, two = asyncio.Lock(), asyncio.Lock()
    tasks = [asyncio.create_task(take(one, two)), asyncio.create_task(take(two, one))]
    _, waiting = await asyncio.wait(tasks, timeout=0.1)
    for task in waiting:
        task.cancel()
    await asyncio.wait(tasks, timeout=1)
    return f"{len(waiting)} wait; locks taken behind: {one.locked() + two.locked()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "2 wait; locks taken behind: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
