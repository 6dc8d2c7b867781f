"""A job whose caller is cancelled before a thread takes it never runs.

API: loop.run_in_executor, Task.cancel.
"""

import asyncio
import concurrent.futures
import sys
import threading
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    gate, ran = threading.Event(), []
    executor = concurrent.futures.ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    first = loop.run_in_executor(executor, gate.wait, 3)
    queued = loop.run_in_executor(executor, ran.append, "queued")
    last = loop.run_in_executor(executor, ran.append, "last")
    queued.cancel()
    await asyncio.sleep(0.05)
    gate.set()
    await asyncio.wait_for(asyncio.gather(first, last), 3)
    return f"jobs that ran: {ran}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "jobs that ran: ['last']"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
