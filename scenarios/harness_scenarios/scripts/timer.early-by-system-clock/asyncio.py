"""A sleep does not end before its time by time.monotonic().

API: loop.call_later.
"""

import asyncio
import math
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    earliest = math.inf
    for number in range(200):
        seconds = 0.001 + number * 17e-6
        started = time.monotonic()
        await asyncio.sleep(seconds)
        earliest = min(earliest, time.monotonic() - started - seconds)
    print(f"earliest: {earliest * 1e3:+.3f} ms")
    return "never early" if earliest > -2e-6 else "early"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "never early"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
