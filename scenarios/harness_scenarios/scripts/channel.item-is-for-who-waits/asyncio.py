"""An item that is put while a task waits for it is not lost, whichever task gets it.

API: asyncio.Queue.get.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[str] = asyncio.Queue()
    waiter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("item")
    try:
        print(f"a third task gets the {queue.get_nowait()}")
        queue.put_nowait("item")
    except asyncio.QueueEmpty:
        pass
    return f"the waiter gets the {await asyncio.wait_for(waiter, 1)}, {queue.qsize()} left"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the waiter gets the item, 0 left"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
