"""An operation that is ready completes although it is given no time.

API: asyncio.timeout(0), asyncio.Queue.get.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait("item")
    try:
        async with asyncio.timeout(0):
            return await queue.get()
    except TimeoutError:
        return f"TimeoutError, items left: {queue.qsize()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "item"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
