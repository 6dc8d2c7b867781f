"""A block that never waits is no time-out, however long it takes.

API: asyncio.timeout.
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    try:
        async with asyncio.timeout(0.01):
            time.sleep(0.05)
    except TimeoutError:
        return "a TimeoutError"
    await asyncio.sleep(0.01)
    return f"no error, cancellations behind: {asyncio.current_task().cancelling()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "no error, cancellations behind: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
