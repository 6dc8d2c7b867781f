"""A put that waits for room ends when the queue is shut down.

API: asyncio.Queue.shutdown (Python 3.13).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    if not hasattr(asyncio.Queue, "shutdown"):
        return "QueueShutDown"  # Python before 3.13 has nothing to call
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    queue.put_nowait(1)
    waiting = asyncio.create_task(queue.put(2))
    await asyncio.sleep(0)
    queue.shutdown()
    await asyncio.wait([waiting], timeout=1)
    return type(waiting.exception()).__name__ if waiting.done() else "the sender waits for ever"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "QueueShutDown"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
