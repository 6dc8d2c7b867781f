"""A waiter that is cancelled in the turn in which it is handed the lock passes the lock on.

API: asyncio.Lock, Task.cancel.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    lock = asyncio.Lock()
    await lock.acquire()
    first = asyncio.create_task(lock.acquire())
    second = asyncio.create_task(lock.acquire())
    await asyncio.sleep(0)
    lock.release()  # hands the lock to the first waiter ...
    first.cancel()  # ... that will never run with it
    done, _ = await asyncio.wait([second], timeout=1)
    return "the second waiter has the lock" if done else "the lock is lost"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the second waiter has the lock"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
