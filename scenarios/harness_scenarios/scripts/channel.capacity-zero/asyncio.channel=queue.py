"""asyncio.Queue(0) is unbounded: a put never waits.

API: asyncio.Queue.put.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[int] = asyncio.Queue(0)
    for number in range(100):
        await asyncio.wait_for(queue.put(number), 1)
    return f"{queue.qsize()} items are taken"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "100 items are taken"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
