"""A sleep does not end before its time by loop.time().

API: loop.call_later, loop.time.
"""

import asyncio
import math
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    earliest = math.inf
    for number in range(200):
        seconds = 0.001 + number * 17e-6
        started = loop.time()
        await asyncio.sleep(seconds)
        earliest = min(earliest, loop.time() - started - seconds)
    print(f"earliest: {earliest * 1e3:+.3f} ms")
    return "never early" if earliest > -2e-6 else "early"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "never early"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
