"""A lock whose owner has ended without releasing it stays taken.

API: asyncio.Lock.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    lock = asyncio.Lock()
    await asyncio.create_task(lock.acquire())
    try:
        await asyncio.wait_for(lock.acquire(), 0.1)
    except TimeoutError:
        return "the lock stays taken"
    return "the next task gets the lock"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the lock stays taken"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
