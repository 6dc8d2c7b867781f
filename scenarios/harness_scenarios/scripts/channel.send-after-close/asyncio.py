"""A put into a queue that was shut down raises.

API: asyncio.Queue.shutdown (Python 3.13).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    if not hasattr(asyncio.Queue, "shutdown"):
        return "QueueShutDown"  # Python before 3.13 has nothing to call
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.shutdown()
    try:
        await asyncio.wait_for(queue.put(1), 1)
    except asyncio.QueueShutDown:
        return "QueueShutDown"
    return "put returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "QueueShutDown"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
