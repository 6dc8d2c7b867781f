"""A timeout ends a loop of waits that are always ready.

API: asyncio.timeout, asyncio.sleep(0).
"""

import asyncio
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    turns = 0
    started = time.perf_counter()
    try:
        async with asyncio.timeout(0.05):
            while time.perf_counter() - started < 3:
                await asyncio.sleep(0)
                turns += 1
    except TimeoutError:
        print(f"{turns} turns, {time.perf_counter() - started:.3f} s")
        return "the timeout ends the loop"
    return "the loop goes on"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the timeout ends the loop"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
