"""An item that a thread puts into a queue without call_soon_threadsafe arrives when the loop is next woken.

API: asyncio.Queue.put_nowait, called by a foreign thread. It is not thread-safe; the item must not be lost.
"""

import asyncio
import sys
import threading
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue = asyncio.Queue()
    threading.Timer(0.1, queue.put_nowait, ("item",)).start()
    start = time.monotonic()
    asyncio.get_running_loop().call_later(1, lambda: None)  # something else that wakes the loop
    try:
        await asyncio.wait_for(queue.get(), 2)
    except TimeoutError:
        return "the item is lost"
    when = "at once" if time.monotonic() - start < 0.8 else "late, when something else wakes the loop"
    return f"the item arrives ({when})"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: the item arrives\nseen:     {seen}")
sys.exit(not seen.startswith("the item arrives"))
