"""A task that waits for a lock gets it although its owner takes it again and again.

API: asyncio.Lock.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    lock = asyncio.Lock()
    await lock.acquire()
    waiter = asyncio.create_task(lock.acquire())
    await asyncio.sleep(0)
    for _ in range(20):
        lock.release()
        if waiter.done():
            break
        try:
            await asyncio.wait_for(lock.acquire(), 0.2)
        except TimeoutError:
            break  # the waiter has it
    return f"the waiter has it: {waiter.done()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the waiter has it: True"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
