"""A producer that fills an unbounded queue without waiting runs to its end before the consumer starts.

API: asyncio.Queue.put (gh-87285).
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue: asyncio.Queue[int] = asyncio.Queue()
    seen: list[int] = []
    consumer = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    for number in range(1000):
        await queue.put(number)
        seen.append(consumer.done())
    return f"items before the consumer runs: {seen.index(True) if True in seen else 'all'}; first item {await consumer}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "items before the consumer runs: all; first item 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
