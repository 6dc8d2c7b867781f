"""Ctrl-C ends a program at once, also while a blocking call runs in a thread.

API: trio.to_thread.run_sync, trio.run, SIGINT.
"""

import contextlib
import os
import signal
import sys
import threading
import time

import trio


async def main() -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    await trio.to_thread.run_sync(time.sleep, 2)


started = time.monotonic()
with contextlib.suppress(KeyboardInterrupt):
    trio.run(main)
seen = "the run ends at once" if time.monotonic() - started < 1.5 else "the run ends when the call does"
expected = "the run ends at once"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
