"""A flag that a thread sets without call_soon_threadsafe wakes the task that waits, sooner or later.

API: asyncio.Event.set, called by a foreign thread. It is not thread-safe; the flag must not be lost.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def _pass_on(event: asyncio.Event, seen: asyncio.Event) -> None:
    await event.wait()
    seen.set()


async def main() -> str:
    loop = asyncio.get_running_loop()
    event, seen = asyncio.Event(), asyncio.Event()
    loop.create_task(_pass_on(event, seen))
    await asyncio.sleep(0)
    threading.Timer(0.1, event.set).start()
    loop.call_later(0.5, lambda: None)  # something else that wakes the loop
    try:
        await asyncio.wait_for(seen.wait(), 2)
    except TimeoutError:
        return "the task sleeps on"
    return "the task wakes up"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the task wakes up"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
