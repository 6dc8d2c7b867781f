"""A wait for a condition that times out ends with the lock held.

API: asyncio.Condition.wait, asyncio.timeout.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    condition = asyncio.Condition()
    async with condition:
        try:
            async with asyncio.timeout(0.02):
                await condition.wait()
        except TimeoutError:
            return f"times out, the lock is held: {condition.locked()}"
    return "no time-out"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "times out, the lock is held: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
