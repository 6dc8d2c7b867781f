"""A coroutine that a thread has run by the loop sees the context variables of the thread.

API: asyncio.run_coroutine_threadsafe, contextvars.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test
from contextvars import ContextVar

owner = ContextVar("owner", default="the default")


async def read() -> str:
    return owner.get()


async def main() -> str:
    loop, seen = asyncio.get_running_loop(), []

    def ask() -> None:
        owner.set("that of the thread")
        seen.append(asyncio.run_coroutine_threadsafe(read(), loop).result(2))

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.01)
    return f"it sees {seen[0]}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "it sees that of the thread"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
