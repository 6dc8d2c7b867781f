"""A task that waits for a condition is not woken because another waiter is cancelled.

API: asyncio.Condition.wait, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def wait(condition: asyncio.Condition, woken: list[int], number: int) -> None:
    async with condition:
        await condition.wait()
        woken.append(number)


async def main() -> str:
    condition, woken = asyncio.Condition(), []
    waiting = [asyncio.create_task(wait(condition, woken, number)) for number in range(3)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.wait(waiting, timeout=0.2, return_when=asyncio.ALL_COMPLETED)
    return "another waiter goes on" if woken else "the others wait on"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: the others wait on\nseen:     {seen}")
sys.exit(seen != "the others wait on")
