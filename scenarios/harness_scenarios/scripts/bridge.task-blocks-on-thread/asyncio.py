"""A call for which a thread waits is made once the task that blocks the loop gives up.

API: asyncio.run_coroutine_threadsafe.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop, done = asyncio.get_running_loop(), threading.Event()

    def ask() -> None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(3)
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    blocked = done.wait(0.3)  # the mistake: a task waits without giving up the loop
    for _ in range(100):
        await asyncio.sleep(0.01)
        if done.is_set():
            break
    return f"the call is made: {done.is_set()} (while the task blocks: {blocked})"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the call is made: True (while the task blocks: False)"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
