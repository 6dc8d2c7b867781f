"""A queue without a limit takes everything and holds it in order.

API: asyncio.Queue.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(10_000):
        await queue.put(number)
    in_order = [queue.get_nowait() for _ in range(10_000)] == list(range(10_000))
    return f"10000 items in order: {in_order}, left: {queue.qsize()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "10000 items in order: True, left: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
