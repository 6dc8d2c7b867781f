"""A full queue makes its producer wait.

API: asyncio.Queue(4).put.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[int] = asyncio.Queue(4)
    sent = 0
    try:
        async with asyncio.timeout(0.1):
            while sent < 1000:
                await queue.put(sent)
                sent += 1
    except TimeoutError:
        return f"the producer waits after {sent} items"
    return "the producer never waits"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the producer waits after 4 items"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
