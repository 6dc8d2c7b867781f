"""A program ends when its look-up has timed out, and not when the name server answers.

API: loop.getaddrinfo, asyncio.Runner.close, loop.shutdown_default_executor.
"""

import asyncio
import socket
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

answered, found = threading.Event(), socket.getaddrinfo("127.0.0.1", 80)
socket.getaddrinfo = lambda *address, **options: answered.wait(10) and found  # a slow name server
threading.Timer(0.5, answered.set).start()


async def main() -> None:
    try:
        await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80), 0.05)
    except TimeoutError:
        return


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(main())
seen = "the run ends when the name server answers" if answered.is_set() else "the run ends"
print(f"expected: the run ends\nseen:     {seen}")
sys.exit(seen != "the run ends")
