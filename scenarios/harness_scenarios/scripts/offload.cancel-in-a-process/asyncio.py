"""The caller of a job in another process leaves when it is cancelled; the pool serves the next job.

API: loop.run_in_executor, Task.cancel.
"""

import asyncio
import concurrent.futures
import sys
import time
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        caller = loop.run_in_executor(pool, time.sleep, 0.5)
        await asyncio.sleep(0.2)
        caller.cancel()
        await asyncio.wait([caller], timeout=0.2)
        left = caller.cancelled()
        number = await asyncio.wait_for(loop.run_in_executor(pool, abs, -4), 5)
    return f"the caller has left: {left}, the next job returns {number}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the caller has left: True, the next job returns 4"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
