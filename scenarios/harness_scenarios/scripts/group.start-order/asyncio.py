"""Tasks take their first steps in the order in which they were created.

API: asyncio.TaskGroup.create_task.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def step(order: list[int], number: int) -> None:
    order.append(number)


async def main() -> str:
    order: list[int] = []
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(step(order, number))
    return str(order)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[0, 1, 2, 3, 4]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
