"""A notification is not lost when the waiter that it was for is cancelled.

API: asyncio.Condition.notify, Task.cancel.
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
    waiting = [asyncio.create_task(wait(condition, woken, number)) for number in range(2)]
    await asyncio.sleep(0.01)
    async with condition:
        condition.notify(1)
        waiting[0].cancel()
    await asyncio.wait(waiting, timeout=0.5, return_when=asyncio.ALL_COMPLETED)
    return "a waiter goes on" if woken else "the notification is lost"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "a waiter goes on"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
