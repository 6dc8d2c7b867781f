"""A wait for a condition that is cancelled ends with the lock held.

API: asyncio.Condition.wait, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def wait(condition: asyncio.Condition, steps: list[str]) -> None:
    async with condition:
        try:
            await condition.wait()
        finally:
            steps.append(f"the wait ends, another task holds the lock: {steps[-1] == 'holds'}")


async def main() -> str:
    condition, steps = asyncio.Condition(), []
    task = asyncio.create_task(wait(condition, steps))
    await asyncio.sleep(0.01)
    async with condition:
        steps.append("holds")
        task.cancel()
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.01)
        steps.append("releases")
    await asyncio.wait([task], timeout=1)
    return str(steps[2:])


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "['the wait ends, another task holds the lock: False']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
