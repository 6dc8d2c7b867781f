"""Two producers at a full queue are both served.

API: asyncio.Queue.put.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def produce(queue: asyncio.Queue[str], name: str) -> None:
    for _ in range(50):
        await queue.put(name)


async def main() -> str:
    queue: asyncio.Queue[str] = asyncio.Queue(4)
    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(produce(queue, name))
        items = "".join([await asyncio.wait_for(queue.get(), 1) for _ in range(100)])
    return f"a: {items.count('a')}, b: {items.count('b')}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a: 50, b: 50"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
