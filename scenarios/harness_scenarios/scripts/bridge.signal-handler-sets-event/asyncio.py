"""A signal handler wakes a task that waits while the loop sleeps.

API: asyncio.loop.call_soon_threadsafe(event.set), called by a handler of signal.signal.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(event.set))
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    loop.call_later(2, lambda: None)  # something else that wakes the loop
    start = loop.time()
    try:
        await asyncio.wait_for(event.wait(), 3)
    except TimeoutError:
        return "the task sleeps on"
    return "the task wakes at once" if loop.time() - start < 1 else "the task wakes late"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the task wakes at once"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
