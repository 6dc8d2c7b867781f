"""A task that a thread cancels without call_soon_threadsafe ends, sooner or later.

API: asyncio.Task.cancel, called by a foreign thread. It is not thread-safe; the cancellation must not be lost.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    threading.Timer(0.1, task.cancel).start()
    loop.call_later(0.5, lambda: None)  # something else that wakes the loop
    done, _ = await asyncio.wait([task], timeout=2)
    return "the task ends" if done else "the task waits on"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the task ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
