"""Queues that are used once and dropped leave no memory behind.

API: asyncio.Queue.
"""

import asyncio
import gc
import sys
import tracemalloc
from asyncio import new_event_loop  # the event loop under test


async def use_queues(count: int) -> int:
    for _ in range(count):
        queue: asyncio.Queue[bytes] = asyncio.Queue(1)
        await queue.put(bytearray(1000))
        await queue.get()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def main() -> str:
    tracemalloc.start()
    before = await use_queues(500)
    grown = await use_queues(500) - before
    print(f"grown by {grown} bytes")
    return "memory grows" if grown > 100_000 else "memory is steady"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "memory is steady"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
