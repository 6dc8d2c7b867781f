"""Of more thread jobs than there are threads, those that are queued at Ctrl-C are not begun.

API: asyncio.to_thread, asyncio.Runner, SIGINT.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from asyncio import new_event_loop  # the event loop under test

begun, seen = [], []


def job() -> None:
    begun.append(time.monotonic())
    time.sleep(0.5)


async def main() -> None:
    jobs = [asyncio.create_task(asyncio.to_thread(job)) for _ in range(80)]
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    await asyncio.gather(*jobs)


start = time.monotonic()
try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    seen.append("KeyboardInterrupt leaves the run")
seen = ", ".join([*seen, f"begun after it: {sum(when > start + 0.4 for when in begun)}"])
expected = "KeyboardInterrupt leaves the run, begun after it: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
