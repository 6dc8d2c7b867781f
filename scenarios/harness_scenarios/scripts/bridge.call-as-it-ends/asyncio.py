"""A thread that asks for a call while the loop ends its tasks gets a result, or an error instead.

API: asyncio.run_coroutine_threadsafe, asyncio.Runner.
"""

import asyncio
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

futures = []


async def linger() -> None:
    loop = asyncio.get_running_loop()
    try:
        await asyncio.Event().wait()
    finally:  # the runner has cancelled this task; a thread asks for a call before its clean-up is done
        call = asyncio.run_coroutine_threadsafe
        thread = threading.Thread(target=lambda: futures.append(call(asyncio.sleep(0.01, "a result"), loop)))
        thread.start()
        thread.join()


async def main() -> None:
    asyncio.linger = asyncio.create_task(linger())  # a reference, so that it is not collected
    await asyncio.sleep(0)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
try:
    seen = f"the thread gets an error: {type(futures[0].exception(timeout=1)).__name__}"
except asyncio.CancelledError:
    seen = "the thread gets an error: CancelledError"
except TimeoutError:
    seen = "the thread waits for ever"
print(f"expected: the thread gets an error\nseen:     {seen}")
sys.exit(seen == "the thread waits for ever")
