"""Of more thread jobs than there are threads, those that are queued at Ctrl-C are not begun.

API: asyncio.to_thread, asyncio.Runner, SIGINT.
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio import new_event_loop  # the event loop under test

begun, seen = [], []
is_over = threading.Event()


def job() -> None:
    begun.append(is_over.is_set())
    is_over.wait(5)


async def main() -> None:
    jobs = [asyncio.create_task(asyncio.to_thread(job)) for _ in range(80)]
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        await asyncio.gather(*jobs)
    finally:
        asyncio.get_running_loop().call_later(0.3, is_over.set)  # jobs that have begun end then


try:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    seen.append("KeyboardInterrupt leaves the run")
seen = ", ".join([*seen, f"begun after it: {sum(begun)}"])
expected = "KeyboardInterrupt leaves the run, begun after it: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
