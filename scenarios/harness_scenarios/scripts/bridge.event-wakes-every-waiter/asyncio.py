"""An event that a thread sets wakes every task that waits for it.

API: asyncio.loop.call_soon_threadsafe(event.set).
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    event, seen = asyncio.Event(), []
    for count in (1, 2, 3, 100):
        event.clear()
        tasks = [asyncio.create_task(event.wait()) for _ in range(count)]
        await asyncio.sleep(0.01)
        threading.Thread(target=asyncio.get_running_loop().call_soon_threadsafe, args=(event.set,)).start()
        done, late = await asyncio.wait(tasks, timeout=1)
        seen.append(len(done))
        for task in late:
            task.cancel()
    return f"of 1, 2, 3 and 100 waiters wake {seen}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "of 1, 2, 3 and 100 waiters wake [1, 2, 3, 100]"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
