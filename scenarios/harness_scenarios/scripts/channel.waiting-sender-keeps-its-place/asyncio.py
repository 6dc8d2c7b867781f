"""A sender that waits for room has its item in the queue in the end.

API: asyncio.Queue.put.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[str] = asyncio.Queue(1)
    queue.put_nowait("first")
    waiting = asyncio.create_task(queue.put("waiting"))
    await asyncio.sleep(0)
    items = [queue.get_nowait()]
    later = asyncio.create_task(queue.put("later"))
    items += [await asyncio.wait_for(queue.get(), 1) for _ in range(2)]
    await asyncio.wait_for(asyncio.gather(waiting, later), 1)
    return str(items)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['first', 'waiting', 'later']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
