"""A task that takes a lock that it holds waits for itself.

API: asyncio.Lock.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    lock = asyncio.Lock()
    async with lock:
        try:
            await asyncio.wait_for(lock.acquire(), 0.1)
        except TimeoutError:
            return "waits for itself"
        except RuntimeError as exc:
            return repr(exc)
    return "acquires it twice"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "waits for itself"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
