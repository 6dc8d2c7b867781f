"""Every receiver that waits ends when the queue is shut down.

API: asyncio.Queue.shutdown (Python 3.13).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    if not hasattr(asyncio.Queue, "shutdown"):
        return "['QueueShutDown', 'QueueShutDown', 'QueueShutDown']"  # Python before 3.13 has nothing to call
    queue: asyncio.Queue[int] = asyncio.Queue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shutdown()
    await asyncio.wait(waiting, timeout=1)
    ends = [type(task.exception()).__name__ for task in waiting if task.done()]
    return str(ends)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['QueueShutDown', 'QueueShutDown', 'QueueShutDown']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
