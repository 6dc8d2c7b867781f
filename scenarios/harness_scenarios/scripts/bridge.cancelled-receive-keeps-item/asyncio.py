"""A receive that is cancelled around the arrival of an item has not taken it.

API: asyncio.loop.call_soon_threadsafe(queue.put_nowait), Task.cancel.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, lost = asyncio.get_running_loop(), []
    for turns in range(9):
        queue = asyncio.Queue()
        task = asyncio.create_task(queue.get())
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(queue.put_nowait, "item"))
        thread.start()
        thread.join()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        (received,) = await asyncio.gather(task, return_exceptions=True)
        if received != "item" and queue.empty():
            lost.append(turns)
    return f"the item is lost, cancelled in turn {lost}" if lost else "the item is kept"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the item is kept"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
