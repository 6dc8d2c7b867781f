"""A call that a thread asks for wakes a loop that sleeps.

API: asyncio.loop.call_soon_threadsafe.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    woken = asyncio.Event()
    threading.Timer(0.1, asyncio.get_running_loop().call_soon_threadsafe, (woken.set,)).start()
    asyncio.get_running_loop().call_later(2, lambda: None)  # something else that wakes the loop
    start = asyncio.get_running_loop().time()
    try:
        await asyncio.wait_for(woken.wait(), 3)
    except TimeoutError:
        return "the call is never made"
    late = asyncio.get_running_loop().time() - start > 1
    return "the call is made when something else wakes the loop" if late else "the call is made at once"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the call is made at once"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
