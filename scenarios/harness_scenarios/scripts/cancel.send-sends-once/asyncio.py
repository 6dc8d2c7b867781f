"""A put that is cancelled as room is made either puts its item or does not: never twice, never half.

API: asyncio.Queue.put, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[str] = asyncio.Queue(1)
    queue.put_nowait("first")
    sender = asyncio.create_task(queue.put("second"))
    await asyncio.sleep(0)
    queue.get_nowait()  # makes room
    sender.cancel()
    await asyncio.wait([sender], timeout=3)
    return f"cancelled: {sender.cancelled()}, items in the queue: {queue.qsize()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "cancelled: True, items in the queue: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
