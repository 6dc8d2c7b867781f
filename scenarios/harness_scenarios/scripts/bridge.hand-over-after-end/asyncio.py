"""A thread that hands an item to a loop that has ended gets an error.

API: asyncio.loop.call_soon_threadsafe(queue.put_nowait), on a closed loop.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> tuple[asyncio.AbstractEventLoop, asyncio.Queue]:
    return asyncio.get_running_loop(), asyncio.Queue()


def put() -> None:
    try:
        loop.call_soon_threadsafe(queue.put_nowait, "item")
        seen.append("the item is accepted")
    except RuntimeError:
        seen.append("the thread gets an error")


seen = []
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    loop, queue = runner.run(main())
thread = threading.Thread(target=put, daemon=True)
thread.start()
thread.join(2)
seen = seen[0] if seen else "the thread waits for ever"
expected = "the thread gets an error"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
