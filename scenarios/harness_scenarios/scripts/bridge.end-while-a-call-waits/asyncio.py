"""A thread that waits for a coroutine of a loop that ends gets an error.

API: asyncio.run_coroutine_threadsafe, asyncio.Runner.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

seen, started = [], threading.Event()


async def wait() -> None:
    started.set()
    await asyncio.sleep(10)


def ask(loop: asyncio.AbstractEventLoop) -> None:
    try:
        asyncio.run_coroutine_threadsafe(wait(), loop).result(2)
    except BaseException as exc:
        seen.append(type(exc).__name__)


async def main() -> threading.Thread:
    thread = threading.Thread(target=ask, args=(asyncio.get_running_loop(),))
    thread.start()
    while not started.is_set():
        await asyncio.sleep(0.01)
    return thread


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    thread = runner.run(main())
thread.join()
seen = "the thread waits for ever" if seen == ["TimeoutError"] else f"the thread gets an error: {seen[0]}"
expected = "the thread gets an error: CancelledError"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
