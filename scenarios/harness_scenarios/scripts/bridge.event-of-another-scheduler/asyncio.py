"""A wait for an event of another loop, which sets it, is refused or ends, at the latest with the next timer.

API: asyncio.Event.wait in one loop, asyncio.Event.set in another one.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def make() -> asyncio.Event:
    return asyncio.Event()


async def main() -> str:
    event = asyncio.run_coroutine_threadsafe(make(), other).result()
    waiter = asyncio.create_task(event.wait())
    await asyncio.sleep(0.01)
    other.call_soon_threadsafe(event.set)
    for _ in range(50):  # timers wake the loop too
        await asyncio.sleep(0 if waiter.done() else 0.05)
    if not waiter.done():
        return "the task sleeps on"
    return "the wait is refused or ends"


other = new_event_loop()
threading.Thread(target=other.run_forever, daemon=True).start()
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the wait is refused or ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
