"""Items of four threads arrive once each, and those of a thread in order.

API: asyncio.loop.call_soon_threadsafe(queue.put_nowait).
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    queue, loop = asyncio.Queue(), asyncio.get_running_loop()

    def put(thread: int) -> None:
        for number in range(100):
            loop.call_soon_threadsafe(queue.put_nowait, (thread, number))

    for thread in range(4):
        threading.Thread(target=put, args=(thread,)).start()
    items = []
    while len(items) < 400:
        try:
            items.append(await asyncio.wait_for(queue.get(), 1))
        except TimeoutError:
            return f"{len(items)} of 400 items arrive"
    ordered = sorted(items, key=lambda item: item[0]) == sorted(items)
    return "400 items arrive in order" if ordered else "items arrive out of order"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "400 items arrive in order"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
