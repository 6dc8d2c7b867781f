"""Of more thread jobs than there are threads, those that are queued at Ctrl-C are not begun.

API: curio.run_in_thread, curio.run, SIGINT.
"""

import contextlib
import os
import signal
import sys
import threading
import time

import curio

begun = []
threading.excepthook = lambda _: None  # threads whose kernel has ended


def job() -> None:
    begun.append(time.monotonic())
    time.sleep(0.5)


async def main() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    async with curio.TaskGroup() as group:
        for _ in range(80):
            await group.spawn(curio.run_in_thread, job)


start = time.monotonic()
with contextlib.suppress(KeyboardInterrupt):
    curio.run(main)
time.sleep(0.5)
seen = f"begun after it: {sum(when > start + 0.15 for when in begun)}"
expected = "begun after it: 0"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
