"""A task that blocks on a call into its own loop is freed when another thread cancels the call, and the loop runs on.

API: asyncio.run_coroutine_threadsafe, concurrent.futures.Future.cancel.
"""

import asyncio
import concurrent.futures
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def answer() -> str:
    return "answered"


async def main() -> str:
    loop = asyncio.get_running_loop()
    job = asyncio.run_coroutine_threadsafe(answer(), loop)
    threading.Timer(0.1, job.cancel).start()
    try:
        wait = job.result(5)  # the mistake: only this loop could set it
    except concurrent.futures.CancelledError:
        wait = "cancelled"
    except TimeoutError:
        wait = "never over"
    following = asyncio.run_coroutine_threadsafe(answer(), loop)
    await asyncio.sleep(0.1)
    return f"the wait is {wait}, the next call is {following.result() if following.done() else 'lost'}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the wait is cancelled, the next call is answered"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
