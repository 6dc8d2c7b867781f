"""A job in a thread does not wait for name look-ups.

API: loop.getaddrinfo, asyncio.to_thread (gh-112169).
"""

import asyncio
import socket
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

answered, found = threading.Event(), socket.getaddrinfo("127.0.0.1", 80)
socket.getaddrinfo = lambda *address, **options: answered.wait(10) and found  # a slow name server


async def main() -> str:
    loop = asyncio.get_running_loop()
    look_ups = [asyncio.ensure_future(loop.getaddrinfo("127.0.0.1", 80)) for _ in range(100)]
    await asyncio.sleep(0.1)
    job = asyncio.ensure_future(asyncio.to_thread(int))
    await asyncio.wait([job], timeout=0.3)
    seen = "the job has run" if job.done() else "the job waits for the look-ups"
    answered.set()
    await asyncio.gather(job, *look_ups)
    return seen


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
print(f"expected: the job has run\nseen:     {seen}")
sys.exit(seen != "the job has run")
