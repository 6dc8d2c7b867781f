"""Tasks get a lock in the order in which they asked for it.

API: asyncio.Lock.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def take(lock: asyncio.Lock, order: list[int], number: int) -> None:
    async with lock:
        order.append(number)
        await asyncio.sleep(0)


async def main() -> str:
    lock, order = asyncio.Lock(), []
    async with lock:
        waiting = [asyncio.create_task(take(lock, order, number)) for number in range(5)]
        await asyncio.sleep(0)
    await asyncio.wait(waiting, timeout=1)
    return str(order)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[0, 1, 2, 3, 4]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
