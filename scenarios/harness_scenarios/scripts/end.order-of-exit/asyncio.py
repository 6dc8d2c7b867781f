"""A thread job that outlives the main function ends before the run does, and `atexit` functions come last, once.

API: asyncio.to_thread, asyncio.Runner, atexit.
"""

import asyncio
import atexit
import os
import sys
import threading
import time
from asyncio import new_event_loop  # the event loop under test


def work() -> None:
    begun.set()
    time.sleep(0.2)
    os.write(marks, b"job ")


async def main() -> None:
    asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(0)
    begun.wait(5)


begun, (written, marks) = threading.Event(), os.pipe()
if os.fork() == 0:
    atexit.register(os.write, marks, b"atexit ")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    os.write(marks, b"run ")
    sys.exit()
os.wait()
seen = os.read(written, 1000).decode()
expected = "job run atexit "
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
