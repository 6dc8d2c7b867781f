"""A flag that a signal handler sets without call_soon_threadsafe wakes the task that waits, sooner or later.

API: asyncio.Event.set, called by a handler of signal.signal. The flag must not be lost.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def _pass_on(event: asyncio.Event, seen: asyncio.Event) -> None:
    await event.wait()
    seen.set()


async def main() -> str:
    event, seen = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(_pass_on(event, seen))
    await asyncio.sleep(0)
    signal.signal(signal.SIGUSR1, lambda *_: event.set())
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    for _ in range(50):  # timers wake the loop too
        await asyncio.sleep(0 if seen.is_set() else 0.05)
    return f"the task {'wakes up' if task.done() else 'sleeps on'}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the task wakes up"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
