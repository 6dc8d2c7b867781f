"""A task that a thread creates without call_soon_threadsafe runs, sooner or later.

API: asyncio.loop.create_task, called by a foreign thread. It is not thread-safe; the task must not be lost.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, runs = asyncio.get_running_loop(), asyncio.Event()

    async def work() -> None:
        runs.set()

    threading.Timer(0.1, lambda: loop.create_task(work())).start()
    loop.call_later(0.5, lambda: None)  # something else that wakes the loop
    try:
        await asyncio.wait_for(runs.wait(), 2)
    except TimeoutError:
        return "the task does not run"
    return "the task runs"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the task runs"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
