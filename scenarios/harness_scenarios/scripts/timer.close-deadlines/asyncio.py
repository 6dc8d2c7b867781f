"""Timers that are due 0.1 ms apart fire in the order of their deadlines.

API: loop.call_at.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, fired = asyncio.get_running_loop(), []
    start = loop.time() + 0.02
    for number in (3, 0, 4, 1, 2):
        loop.call_at(start + number * 0.0001, fired.append, number)
    await asyncio.sleep(0.1)
    return str(fired)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "[0, 1, 2, 3, 4]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
