"""A sleep for a negative time returns.

API: asyncio.sleep, loop.call_later.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    fired = asyncio.Event()
    asyncio.get_running_loop().call_later(-1, fired.set)
    await asyncio.wait_for(fired.wait(), 1)
    await asyncio.wait_for(asyncio.sleep(-1), 1)
    return "returns"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "returns"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
