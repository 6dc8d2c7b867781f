"""Waiters of a condition go on in the order in which they waited.

API: asyncio.Condition.notify.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def wait(condition: asyncio.Condition, order: list[int], number: int) -> None:
    async with condition:
        await condition.wait()
        order.append(number)


async def main() -> str:
    condition, order = asyncio.Condition(), []
    waiting = [asyncio.create_task(wait(condition, order, number)) for number in range(5)]
    await asyncio.sleep(0.01)
    for _ in waiting:
        async with condition:
            condition.notify(1)
        await asyncio.sleep(0)
    await asyncio.wait(waiting, timeout=1)
    return str(order)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[0, 1, 2, 3, 4]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
