"""Every one of 100 blocking jobs runs.

API: asyncio.to_thread.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    done = []
    await asyncio.wait_for(asyncio.gather(*(asyncio.to_thread(done.append, number) for number in range(100))), 10)
    return f"{len(set(done))} jobs have run"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "100 jobs have run"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
