"""A sleep of 0.3 ms lasts at least 0.3 ms.

API: loop.call_later(0.0003, callback).
"""

import asyncio
import math
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    shortest = math.inf
    for _ in range(50):
        started = time.perf_counter()
        await asyncio.sleep(0.0003)
        shortest = min(shortest, time.perf_counter() - started)
    print(f"shortest: {shortest * 1e3:.3f} ms")
    return "at least 0.3 ms" if shortest >= 0.000298 else "less than 0.3 ms"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "at least 0.3 ms"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
