"""Every task that waits for an event goes on when it is set.

API: asyncio.Event.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    event = asyncio.Event()
    waiting = [asyncio.create_task(event.wait()) for _ in range(5)]
    await asyncio.sleep(0)
    event.set()
    event.clear()
    done, _ = await asyncio.wait(waiting, timeout=1)
    return f"{len(done)} of 5 go on"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "5 of 5 go on"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
