"""An item that a thread hands over wakes the task that waits for it.

API: asyncio.loop.call_soon_threadsafe(queue.put_nowait).
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue, loop = asyncio.Queue(), asyncio.get_running_loop()
    threading.Timer(0.1, loop.call_soon_threadsafe, (queue.put_nowait, "item")).start()
    loop.call_later(2, lambda: None)  # something else that wakes the loop
    start = loop.time()
    try:
        item = await asyncio.wait_for(queue.get(), 3)
    except TimeoutError:
        return "it is lost"
    return f"{item} arrives at once" if loop.time() - start < 1 else f"{item} arrives late"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "item arrives at once"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
