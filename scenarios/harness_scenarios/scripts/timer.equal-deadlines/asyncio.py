"""Every timer of several with the same deadline fires; their order is not documented.

API: loop.call_at.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, fired = asyncio.get_running_loop(), []
    start = loop.time() + 0.02
    for number in range(5):
        loop.call_at(start + 0, fired.append, number)
    await asyncio.sleep(0.1)
    print(f"order: {fired}")
    return f"{len(set(fired))} of 5 fire"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "5 of 5 fire"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
